import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Job } from "../core/events.ts";
import { writeFileAtomic } from "../core/files.ts";
import type { Analysis } from "./analyze.ts";
import type { Datum } from "./figures/figure.ts";
import { indexPage } from "./page.ts";
import { renderPng, renderSvg } from "./render.ts";

/**
 * Writes an analysis as files: `numbers.json`, `index.html`, and of each figure `ID.csv`, and when it is drawn
 * `ID.vl.json` (vega-lite), `ID.svg` and `ID.png`, in `figures/`.
 * @returns the paths written.
 */
export async function writeAnalysis(analysis: Analysis, dir: string, job: Job = {}): Promise<string[]> {
  const folder = join(dir, "figures");
  await mkdir(folder, { recursive: true });
  const written: string[] = [];
  const write = async (path: string, data: string | Uint8Array) => {
    await writeFileAtomic(path, data);
    written.push(path);
  };
  const svgs = new Map<string, string>();
  for (const [done, figure] of analysis.figures.entries()) {
    job.signal?.throwIfAborted();
    job.onProgress?.({ stage: "draw", name: figure.id, done, total: analysis.figures.length, unit: "figures" });
    await write(join(folder, `${figure.id}.csv`), csv(figure.rows));
    if (figure.spec === undefined) continue;
    const svg = await renderSvg(figure.spec);
    svgs.set(figure.id, svg);
    await write(join(folder, `${figure.id}.vl.json`), `${JSON.stringify(figure.spec)}\n`);
    await write(join(folder, `${figure.id}.svg`), svg);
    await write(join(folder, `${figure.id}.png`), await renderPng(svg));
  }
  await write(join(dir, "numbers.json"), `${JSON.stringify(analysis.numbers, null, 1)}\n`);
  await write(join(dir, "index.html"), indexPage(analysis, new Set(svgs.keys())));
  return written;
}

/** RFC 4180; missing values are empty. */
function csv(rows: readonly Datum[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value: unknown) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows.map((row) => columns.map((column) => row[column]))].map((line) => `${line.map(cell).join(",")}\n`).join(""); // biome-ignore format: one line
}
