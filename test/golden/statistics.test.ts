import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { digitsFeatures } from "../../src/decompose/digits.ts";
import { representationStatistics } from "../../src/decompose/stats/statistics.ts";
import { shared } from "../support/shared.ts";
import { norm12, problemOf, type Recipe } from "../unit/decompose/problems.ts";

interface Views {
  seed: number;
  n_images: number;
  d: number;
  views: number;
  noise: number;
  scale: number;
}

interface Case {
  name: string;
  data: string | Recipe | Views;
  [statistic: string]: unknown;
}

const bundled = new URL("../fixtures/stats/statistics.json", import.meta.url);
const all = shared("reference/stats-golden.json");
const read = (path: string | URL): Case[] => JSON.parse(readFileSync(path, "utf8")).cases;

describe("statistics made with numpy, bundled selection", () => checks(read(bundled)));

describe.skipIf(!existsSync(all))("statistics made with numpy, all of ../shared (skipped when absent)", () => {
  checks(existsSync(all) ? read(all) : []);
});

function checks(cases: Case[]) {
  for (const { name, data, classes: _, first_row: __, ...golden } of cases) {
    it(`${name} in float64`, async () => {
      const found = await representationStatistics({ ...(await load(data)), products: "float64" });
      // What is zero but for rounding is whatever rounding makes it.
      same(found, golden, { relative: 1e-9, absolute: 1e-13 });
    });
    it(`${name} in float32 on the engine`, async () => {
      const found = await representationStatistics({ ...(await load(data)), products: "engine" });
      const { rank, rank_Z, nc1_kept_eigenvalues, n_constant_columns, extra, ...rest } = golden;
      const names = ["uniformity_all_pairs", "intra_var", "inter_var", "vars", "alignment", "nc1", "nc1norm"];
      same(found, { rank, rank_Z, nc1_kept_eigenvalues, n_constant_columns }, { relative: 0, absolute: 0 });
      same(found, Object.fromEntries(names.map((name) => [name, rest[name]])), { relative: 1e-6, absolute: 0 });
      const { rankme, ...others } = extra as Record<string, number>;
      same(found.extra, others, { relative: 1e-6, absolute: 0 });
      // Singular values are roots of eigenvalues: of those below 5e-4 of the largest float32 leaves nothing.
      same(found.extra, { rankme }, { relative: 1e-3, absolute: 0 });
    });
  }
}

async function load(data: Case["data"]) {
  if (typeof data === "string") {
    const set = await digitsFeatures();
    return { x: await set.rows(0, set.n), y: set.labels, n: set.n, d: set.dim, k: set.classes.length };
  }
  return "views" in data ? viewsProblem(data) : problemOf(data);
}

/** Noisy views of images, all images under one view after the other; a class is an image. */
function viewsProblem({ seed, n_images, d, views, noise, scale }: Views) {
  const n = n_images * views;
  const x = new Float32Array(n * d);
  for (let row = 0; row < n; row++) {
    const [view, image] = [Math.trunc(row / n_images), row % n_images];
    for (let j = 0; j < d; j++) {
      const i = image * d + j;
      x[row * d + j] = scale * norm12(seed, 2, i) + noise * norm12(seed, 30 + view, i);
    }
  }
  return { x, y: Int32Array.from({ length: n }, (_, row) => row % n_images), n, d, k: n_images };
}

function same(found: unknown, wanted: unknown, tolerance: { relative: number; absolute: number }, path = ""): void {
  if (typeof wanted === "number") {
    const limit = tolerance.absolute + tolerance.relative * Math.abs(wanted);
    expect(Math.abs((found as number) - wanted), `${path}: ${found} is not ${wanted}`).toBeLessThanOrEqual(limit);
    return;
  }
  for (const [key, value] of Object.entries(wanted as object)) {
    same((found as Record<string, unknown>)[key], value, tolerance, `${path}.${key}`);
  }
}
