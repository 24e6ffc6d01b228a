import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { csvText } from "../core/csv.ts";
import type { Job } from "../core/events.ts";
import { writeFileAtomic } from "../core/files.ts";
import type { Analysis } from "./analyze.ts";
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
  const drawn = new Set<string>();
  let png: Promise<void> = Promise.resolve();
  for (const [done, figure] of analysis.figures.entries()) {
    job.signal?.throwIfAborted();
    job.onProgress?.({ stage: "draw", name: figure.id, done, total: analysis.figures.length, unit: "figures" });
    await write(join(folder, `${figure.id}.csv`), `${csvText(figure.rows)}\n`);
    if (figure.spec === undefined) continue;
    const svg = await renderSvg(figure.spec);
    drawn.add(figure.id);
    await write(join(folder, `${figure.id}.vl.json`), `${JSON.stringify(figure.spec)}\n`);
    await write(join(folder, `${figure.id}.svg`), svg);
    // sharp draws on threads of its own, while this one goes on with the next figure.
    await png;
    png = renderPng(svg).then((bytes) => write(join(folder, `${figure.id}.png`), bytes));
    png.catch(() => {});
  }
  await png;
  await write(join(dir, "numbers.json"), `${JSON.stringify(analysis.numbers, null, 1)}\n`);
  await write(join(dir, "index.html"), indexPage(analysis, drawn));
  return written;
}
