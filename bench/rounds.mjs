import { setTimeout as sleep } from "node:timers/promises";
import { NotHere } from "./children.mjs";

/** Pause between contenders: thread pools of the one before spin for a while before they sleep. */
const SETTLE_MS = 100;

/**
 * Runs the contenders in turn, round after round (A B C A B C ...), after one warm-up round that does not count.
 * @param contenders `{ name, ours?, start, against? }`; `against` names the peers that it is compared with.
 * @param cases `{ name, job }`; every contender gets every job.
 * @param options.fresh a new process for every measurement.
 * @param options.warmUp job of the uncounted round; default: the case's own.
 * @returns rows `{ case, name, ours, version, rounds }` or `{ name, missing }`, in the order of cases and contenders.
 */
export async function race(contenders, cases, { rounds, log, fresh = false, warmUp }) {
  const present = [];
  const rows = [];
  try {
    for (const contender of contenders) {
      try {
        const handle = await contender.start();
        log(`  ${contender.name}: ${handle.version}`);
        present.push({ ...contender, handle });
      } catch (error) {
        if (!(error instanceof NotHere)) throw error;
        log(`  ${contender.name}: not here (${error.message})`);
        rows.push({ name: contender.name, ours: contender.ours ?? false, missing: error.message });
      }
    }
    for (const { name, job } of cases) {
      const measured = present.map(() => []);
      for (let round = -1; round < rounds; round++) {
        for (const [i, contender] of present.entries()) {
          await sleep(SETTLE_MS);
          const result = await measure(contender, round < 0 ? (warmUp ?? job) : job, fresh);
          if (round >= 0) measured[i].push(result);
        }
      }
      for (const [i, { name: who, ours = false, against = [], handle }] of present.entries()) {
        rows.push({ case: name, name: who, ours, against, version: handle.version, rounds: measured[i] });
      }
    }
  } finally {
    await Promise.all(present.map(({ handle }) => handle.close()));
  }
  return rows;
}

async function measure({ start, handle }, job, fresh) {
  const used = fresh ? await start() : handle;
  try {
    const result = await used.request(job);
    if (result.error) throw new Error(result.error);
    return result;
  } finally {
    if (fresh) await used.close();
  }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Ratios of ours to a peer, each of two measurements of the same round. */
export function ratio(ours, peer, key) {
  const ratios = ours.rounds.map((round, i) => round[key] / peer.rounds[i][key]);
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
}
