import { availableParallelism, cpus, loadavg, release, totalmem, type } from "node:os";

/** What the numbers depend on; `quick` and `rounds` as they were asked for. */
export function describeMachine({ quick, rounds }) {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release().split("-")[0]}`,
    node: process.versions.node,
    loadAtStart: Number(loadavg()[0].toFixed(1)),
    date: new Date().toISOString().slice(0, 10),
    quick,
    rounds,
  };
}
