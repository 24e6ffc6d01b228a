import { setTimeout as sleep } from "node:timers/promises";
import { HubError } from "../core/errors.ts";
import type { Job } from "../core/events.ts";

export interface RetryPolicy {
  /** Attempts in a row that may fail without getting further. */
  attempts: number;
  /** First wait; doubles at each failure, up to `maxMs`. */
  baseMs: number;
  maxMs: number;
  /** Longest `Retry-After` that is obeyed. */
  maxRetryAfterMs: number;
}

export interface RetryOptions extends Job {
  retry?: Partial<RetryPolicy>;
}

const DEFAULTS: RetryPolicy = { attempts: 5, baseMs: 500, maxMs: 30_000, maxRetryAfterMs: 120_000 };

/**
 * Runs `attempt` until it does not throw a HubError with `details.retryable`. Waits grow exponentially, with jitter, and
 * are at least what the server's `Retry-After` (`details.retry_after`) asks. `reached` tells how far the work got: a
 * failure further on than all before starts the count anew, so that a long download survives many cuts.
 */
export async function withRetry<T>(
  { retry, signal, onProgress }: RetryOptions,
  attempt: () => Promise<T>,
  reached: () => number = () => 0,
): Promise<T> {
  const policy = { ...DEFAULTS, ...retry };
  let furthest = reached();
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof HubError) || error.details.retryable !== true) throw error;
      if (reached() > furthest) {
        furthest = reached();
        failures = 1;
      }
      if (failures >= policy.attempts) throw error;
      const wait = waitMs(failures, error.details.retry_after, policy);
      const message = `${error.message} Trying again in ${(wait / 1000).toFixed(1)} s.`;
      onProgress?.({ stage: "warning", code: "RETRY", message });
      await sleep(wait, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

/** How long to wait after the n-th failure (from 1), ms. */
export function waitMs(failures: number, retryAfter: unknown, policy: RetryPolicy, random = Math.random()): number {
  const backoff = Math.min(policy.maxMs, policy.baseMs * 2 ** (failures - 1)) * (0.5 + random / 2);
  return Math.max(backoff, Math.min(policy.maxRetryAfterMs, retryAfterMs(retryAfter)));
}

/** `Retry-After` is a number of seconds or a date. */
function retryAfterMs(value: unknown): number {
  if (typeof value !== "string") return 0;
  const ms = /^\s*\d+\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.max(0, ms);
}
