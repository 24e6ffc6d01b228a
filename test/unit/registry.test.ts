import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { buildGraph } from "../../converters/build.ts";
import * as hubconf from "../../hubconf.ts";
import type { SpecLoader } from "../../src/core/family.ts";
import type { Transform } from "../../src/core/spec.ts";
import { metadataOf } from "../../src/tables/metadata.ts";
import { hasShared, shared } from "../support/shared.ts";

const registry = Object.entries(hubconf) as [string, SpecLoader][];

describe("hubconf", () => {
  it("exports models and nothing else, names that differ by more than case", () => {
    expect(registry.length).toBeGreaterThanOrEqual(75);
    expect(registry.filter(([, line]) => typeof line !== "function")).toEqual([]);
    expect(new Set(registry.map(([name]) => name.toLowerCase())).size).toBe(registry.length);
  });

  it.each(registry)("%s: specification, graph and metadata agree", async (name, line) => {
    const spec = await line();
    const model = metadataOf(name)!;
    expect(model, "metadata entry").toBeDefined();
    const graph = buildGraph(spec);
    expect(graph.zDim).toBe(model.representation.z_dim);
    expect(graph.nParameters).toBe(model.model.n_parameters);
    expect(spec.representation).toBe(model.representation.z_layer);
    expect(spec.preprocess).toEqual(model.preprocess);
    expect(spec.arch.size).toBe(model.data.img_size);
    const crop = spec.preprocess.find((step) => step.op === "centerCrop");
    expect(crop?.size).toBe(spec.arch.size);
    expect(spec.preprocess.at(-1)?.op).toBe("normalize");
  });

  it.each(registry)("%s: locations are well formed, weights have a licence", async (name, line) => {
    const { weights } = await line();
    const { license } = metadataOf(name)!.meta;
    if ("seed" in weights) {
      expect(license).toBeNull();
      return;
    }
    expect(license).not.toBeNull();
    if ("bundled" in weights) return;
    expect(weights.checkpoints.length).toBeGreaterThan(0);
    for (const { url, md5, sha256 } of weights.checkpoints) {
      expect(new URL(url).protocol).toBe("https:");
      if (md5 !== undefined) expect(md5).toMatch(/^[0-9a-f]{8,32}$/);
      if (sha256 !== undefined) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it("two names share a file only where an erratum says so", async () => {
    const users = new Map<string, string[]>();
    for (const [name, line] of registry) {
      const { weights } = await line();
      if (!("checkpoints" in weights)) continue;
      const { url } = weights.checkpoints[0]!;
      users.set(url, [...(users.get(url) ?? []), name]);
    }
    expect([...users.values()].filter((names) => names.length > 1)).toEqual([]);
  });
});

interface KnownModel {
  name: string;
  arch: string;
  urls: { url: string; role: string; md5Prefix?: string }[];
  zDim: number;
  archParams: { numParams: number };
  preprocess: { resize: number; crop: number; resizeInterpolation: string; mean: number[]; std: number[] };
}

describe.skipIf(!hasShared)(
  "hubconf against the list of official files (skipped without the shared references)",
  () => {
    const all: KnownModel[] = hasShared ? JSON.parse(readFileSync(shared("reference/models.json"), "utf8")) : [];
    const wanted = all.filter(({ arch }) => arch === "resnet50" || arch === "resnet101");

    it("has all of them", () => {
      expect(wanted.length).toBe(72);
      expect(wanted.map(({ name }) => name).filter((name) => !(name in hubconf))).toEqual([]);
    });

    it.each(wanted.map((model) => [model.name, model] as const))("%s", async (name, model) => {
      const spec = await (hubconf as Record<string, SpecLoader>)[name]!();
      const { resize, crop, resizeInterpolation, mean, std } = model.preprocess;
      expect(spec.preprocess).toEqual([
        { op: "resize", size: resize, interpolation: resizeInterpolation },
        { op: "centerCrop", size: crop },
        { op: "normalize", mean, std },
      ] as Transform[]);
      const graph = buildGraph(spec);
      expect([graph.zDim, graph.nParameters]).toEqual([model.zDim, model.archParams.numParams]);
      const primary = model.urls.find(({ role }) => role === "primary");
      if (primary === undefined) expect(spec.weights).toEqual({ seed: 0 });
      else {
        const first = "checkpoints" in spec.weights ? spec.weights.checkpoints[0] : undefined;
        expect([first?.url, first?.md5]).toEqual([primary.url, primary.md5Prefix]);
      }
    });

    it("every hub name has metadata that says the same size", () => {
      for (const { name, zDim, archParams, preprocess } of all) {
        const model = metadataOf(name);
        expect([name, model?.representation.z_dim, model?.model.n_parameters, model?.data.img_size]).toEqual([
          name,
          zDim,
          archParams.numParams,
          preprocess.crop,
        ]);
      }
    });
  },
);
