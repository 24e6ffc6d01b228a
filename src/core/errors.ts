/** What kind of failure a {@link HubError} is. A closed union, so that callers can switch on it. */
export type ErrorCode =
  /** The name is not in `hubconf.ts`. */
  | "UNKNOWN_MODEL"
  /** The network is needed but `SSL_HUB_OFFLINE` forbids it. */
  | "OFFLINE"
  /** No location gave the file, or a body was not the file (HTML page, git-LFS pointer ...). */
  | "DOWNLOAD"
  /** The bytes are not the ones that were promised. */
  | "HASH"
  /** A checkpoint file is damaged, hostile, or of a kind we do not read. */
  | "CHECKPOINT"
  /** A checkpoint's keys are not the ones its architecture needs. */
  | "KEYS"
  /** An image cannot be decoded. */
  | "IMAGE"
  /** A data set, feature set or split is unusable for what was asked. */
  | "DATA"
  /** An engine (TF.js backend) is missing or broken. */
  | "ENGINE"
  /** The model or problem does not fit the memory there is. */
  | "MEMORY"
  /** A file cannot be written or read. */
  | "DISK"
  /** `metadata.yaml`, the results table or an artifact's `model.json` is malformed. */
  | "METADATA"
  /** The caller's `signal` ended the work, and gave no reason of its own. */
  | "ABORTED"
  /** An internal contract was broken: please report it. */
  | "BUG";

/**
 * The one error class of ssl-hub. The message says what was being done, to what, what was found and what to do next;
 * `details` holds the same facts as fields; `cause` keeps the error below.
 */
export class HubError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: { details?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "HubError";
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** `a, b, c and 4 more`: lists in messages are cut at `limit` so that an error stays readable. */
export function shortList(items: readonly string[], limit = 10): string {
  if (items.length <= limit) return items.join(", ");
  return `${items.slice(0, limit).join(", ")} and ${items.length - limit} more`;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
