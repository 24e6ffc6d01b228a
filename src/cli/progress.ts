import type { Job } from "../index.ts";
import { bar, bytes, duration } from "./print.ts";

type OnProgress = NonNullable<Job["onProgress"]>;
type WorkEvent = Exclude<Parameters<OnProgress>[0], { stage: "warning" }>;

const REDRAW_MS = 80;

/** Draws progress as one line on standard error; warnings are lines of their own. Without a terminal only warnings show. */
export function progressBar(stream: NodeJS.WriteStream): { onProgress: OnProgress; end: () => void } {
  let current: { key: string; since: number; from: number } | undefined;
  let drawn = 0;
  let shown = false;
  const clear = () => {
    if (shown) stream.write("\r\x1b[2K");
    shown = false;
  };
  const draw = (event: WorkEvent) => {
    const now = performance.now();
    const key = `${event.stage} ${event.name}`;
    if (current?.key !== key) current = { key, since: now, from: event.done };
    const finished = event.total !== undefined && event.done >= event.total;
    if (now - drawn < REDRAW_MS && !finished) return;
    drawn = now;
    const line = describe(event, (now - current.since) / 1000, event.done - current.from);
    stream.write(`\r\x1b[2K${line.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
    shown = true;
  };
  return {
    onProgress: (event) => {
      if (event.stage === "warning") {
        clear();
        stream.write(`note: ${event.message}\n`);
      } else if (stream.isTTY) draw(event);
    },
    end: clear,
  };
}

/** `download resnet50.pth  ████▌     45 %  43.1 MB of 94.3 MB  12.1 MB/s  0:04 left`. */
export function describe(event: WorkEvent, seconds: number, since: number): string {
  const { stage, name, done, total, unit } = event;
  const amount = (n: number) => (unit === "bytes" ? bytes(n) : String(Math.round(n)));
  const rate = seconds > 0.5 ? since / seconds : 0;
  const parts = [`${stage} ${name}`];
  if (total !== undefined && total > 0) {
    parts.push(bar(Math.min(done, total), total, 20).padEnd(20), `${Math.floor((100 * done) / total)} %`.padStart(5));
    parts.push(`${amount(done)} of ${amount(total)}${unit === "bytes" ? "" : ` ${unit}`}`);
  } else parts.push(`${amount(done)}${unit === "bytes" ? "" : ` ${unit}`}`);
  if (rate > 0 && unit !== "seconds") {
    parts.push(unit === "bytes" ? `${bytes(rate)}/s` : `${rate.toPrecision(3)} ${unit}/s`);
    if (total !== undefined) parts.push(`${duration((total - done) / rate)} left`);
  }
  return parts.join("  ");
}
