import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

/** Answers requests, a line of JSON each, until the input ends. */
export async function serve(version, work) {
  say({ ready: true, version });
  for await (const line of createInterface({ input: process.stdin })) {
    say(await work(JSON.parse(line)).catch((error) => ({ error: error.stack })));
  }
  process.exit(0);
}

/** Says that this contender cannot run here. */
export function notHere(reason) {
  say({ missing: reason });
  process.exit(0);
}

/** Starts a stopwatch; called again it gives wall and CPU (user + system, all threads) time in ms. */
export function stopwatch() {
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { wall: performance.now() - wall, cpu: (user + system) / 1000 };
  };
}

/** Largest resident set in MiB. Linux's VmHWM is this program's alone, maxRSS may be that of the parent before exec. */
export function peakMemory() {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024;
  } catch {
    return process.resourceUsage().maxRSS / 1024;
  }
}

/** Repeats `work`, which does some images and gives their number, for at least `ms`. */
export async function throughput(ms, work) {
  const stop = stopwatch();
  let images = 0;
  do images += await work();
  while (stop().wall < ms);
  const { wall, cpu } = stop();
  return { rate: (images / wall) * 1000, cpu: cpu / images };
}
