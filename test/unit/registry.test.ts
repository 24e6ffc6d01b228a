import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { buildGraph } from "../../converters/build.ts";
import * as hubconf from "../../hubconf.ts";
import type { SpecLoader } from "../../src/core/family.ts";
import type { ArchSpec, Transform } from "../../src/core/spec.ts";
import { isNonCommercial, metadataOf } from "../../src/tables/metadata.ts";
import { hasShared, shared } from "../support/shared.ts";

const registry = Object.entries(hubconf) as [string, SpecLoader][];

describe("hubconf", () => {
  it("exports models and nothing else, names that differ by more than case", () => {
    expect(registry.length).toBeGreaterThanOrEqual(207);
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
    expect(spec.representation.split(":")[0]).toBe(model.representation.z_layer);
    expect(spec.preprocess).toEqual(model.preprocess);
    expect(spec.arch.size).toBe(model.data.img_size);
    const crop = spec.preprocess.find((step) => step.op === "centerCrop");
    expect(crop?.size).toBe(spec.arch.size);
    expect(spec.preprocess.at(-1)?.op).toBe("normalize");
  });

  it.each(registry)("%s: its training transform fits it, or is absent for a reason", async (name, line) => {
    const { trainTransform, preprocess, arch } = await line();
    const { objective, ssl_mode } = metadataOf(name)!.ssl;
    if (trainTransform === undefined || "none" in trainTransform) {
      expect(trainTransform?.none.length).toBeGreaterThan(10);
      expect(ssl_mode).toMatch(/^(supervised|initialized)$/);
      return;
    }
    expect(trainTransform.at(-1)).toEqual(preprocess.at(-1));
    const crops = trainTransform.filter(({ op }) => op === "randomResizedCrop" || op === "randomCrop");
    expect(crops.length).toBe(1);
    // A puzzle's views are larger than what the encoder is evaluated on.
    expect(crops[0]).toMatchObject({ size: objective === "jigsaw" ? 255 : arch.size });
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
    for (const { url, md5, sha256 } of weights.checkpoints.flatMap((file) => [file, ...(file.components ?? [])])) {
      expect(new URL(url).protocol).toBe("https:");
      if (md5 !== undefined) expect(md5).toMatch(/^[0-9a-f]{6,32}$/);
      if (sha256 !== undefined) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it("two names share a file only to read it at another place", async () => {
    const users = new Map<string, { name: string; representation: string; arch: ArchSpec }[]>();
    for (const [name, line] of registry) {
      const { weights, representation, arch } = await line();
      if (!("checkpoints" in weights)) continue;
      const { url } = weights.checkpoints[0]!;
      users.set(url, [...(users.get(url) ?? []), { name, representation, arch }]);
    }
    for (const shared of users.values()) {
      expect(new Set(shared.map(({ representation }) => representation)).size).toBe(shared.length);
      expect(new Set(shared.map(({ arch }) => JSON.stringify(arch))).size).toBe(1);
    }
  });
});

interface KnownModel {
  name: string;
  urls: { url: string; role: string; md5Prefix?: string; sha256?: string }[];
  representation: { type: string; order?: string };
  zDim: number;
  errata: string[];
  nonCommercial: boolean;
  license: string;
  archParams: {
    numParams: number;
    heads?: number;
    patch?: number;
    act?: string;
    padding?: string;
    headOrder?: string;
    lnEps?: number;
  };
  preprocess: { resize: number; crop: number; resizeInterpolation: string; mean: number[]; std: number[] };
}

interface KnownPipeline {
  hub_names: string[];
  steps?: Record<string, unknown>[];
  error?: string;
  note?: string;
}

/** An upstream step in our words; those that pixels and normalize contain already are left out. */
function toStep({ op, ...p }: Record<string, unknown>): Record<string, unknown>[] {
  const size = Array.isArray(p.size) ? p.size[0] : p.size;
  switch (op) {
    case "ToTensor":
    case "ConvertRGB":
      return [];
    case "RandomApply":
      return [{ op: "randomApply", p: p.p, transforms: (p.transforms as Record<string, unknown>[]).flatMap(toStep) }];
    case "PILGaussianBlur":
      return [{ op: "gaussianBlur", radius: p.radius_uniform }];
    case "ColorJitter":
      return [{ op: "colorJitter", ...Object.fromEntries(Object.entries(p).filter(([, range]) => range !== null)) }];
    case "RandomRotation":
      return [{ op: "randomRotation", degrees: p.degrees }];
    case "RandAugment":
      return [{ op: "randAugment", numOps: p.num_ops, magnitude: p.magnitude, bins: p.num_magnitude_bins }];
    default: {
      const name = op as string;
      return [{ op: name[0]!.toLowerCase() + name.slice(1), ...p, ...(size === undefined ? {} : { size }) }];
    }
  }
}

/** Of a Google Drive link only the id says which file. */
const placeOf = (url: string) => {
  const { hostname, searchParams } = new URL(url);
  return hostname === "drive.google.com" ? `drive:${searchParams.get("id")}` : url;
};
/** Concern every model, and are told once in docs/metadata.md. */
const GENERAL = ["E09", "E28", "E29", "E35"];

describe.skipIf(!hasShared)(
  "hubconf against the list of official files (skipped without the shared references)",
  () => {
    const all: KnownModel[] = hasShared ? JSON.parse(readFileSync(shared("reference/models.json"), "utf8")) : [];

    it("has all of them, and the embedded ones", () => {
      const ours = new Set(registry.map(([name]) => name));
      const names = [...all.map(({ name }) => name), "tiny_ssl", "tiny_sup", "tiny_init"];
      expect(names.filter((name) => !ours.has(name))).toEqual([]);
    });

    it.each(all.map((model) => [model.name, model] as const))("%s", async (name, model) => {
      const spec = await (hubconf as Record<string, SpecLoader>)[name]!();
      const { resize, crop, resizeInterpolation, mean, std } = model.preprocess;
      expect(spec.preprocess).toEqual([
        { op: "resize", size: resize, interpolation: resizeInterpolation },
        { op: "centerCrop", size: crop },
        { op: "normalize", mean, std },
      ] as Transform[]);
      const { type, order } = model.representation;
      expect(spec.representation).toBe(order === "interleaved" ? `${type}:interleaved` : type);
      const graph = buildGraph(spec);
      expect([graph.zDim, graph.nParameters]).toEqual([model.zDim, model.archParams.numParams]);
    });

    it.each(all.map((model) => [model.name, model] as const))("%s: all known locations", async (name, model) => {
      const { weights } = await (hubconf as Record<string, SpecLoader>)[name]!();
      const known = model.urls.filter(({ role }) => role !== "correct-but-incompatible");
      if (known.length === 0) return expect(weights).toMatchObject({ seed: 0 });
      const checkpoints = "checkpoints" in weights ? weights.checkpoints : [];
      const files = checkpoints.flatMap((file) => [file, ...(file.components ?? [])]);
      const places = new Map(files.map((file) => [placeOf(file.url), file]));
      for (const { url, md5Prefix, sha256 } of known) {
        const file = places.get(placeOf(url));
        expect([url, file?.md5, file?.sha256]).toEqual([url, md5Prefix, sha256]);
      }
      // The official file comes first; last where an erratum says that its host is closed or unreliable.
      const order = known.filter(({ role }) => role !== "component").map(({ url }) => placeOf(url));
      const moved = ["E01", "E03"].some((id) => model.errata.includes(id));
      const ours = [...new Set(checkpoints.map(({ url }) => placeOf(url)))];
      expect(ours).toEqual(moved ? [...order.slice(1), order[0]] : order);
    });

    it.each(all.map((model) => [model.name, model] as const))(
      "%s: numbers that no shape shows",
      async (name, model) => {
        const { arch } = await (hubconf as Record<string, SpecLoader>)[name]!();
        const { heads, act, padding, headOrder, patch, lnEps } = model.archParams;
        const known = {
          ...(arch.kind === "resnet" && { padding: arch.padding === "same" ? "same" : "torch" }),
          ...(arch.kind === "convnext" && { headOrder: arch.poolFirst ? "pool-then-norm" : "norm-then-pool" }),
          ...("heads" in arch && { heads: arch.heads, patch: arch.patch }),
          ...(arch.kind === "clip-vit" && { act: arch.act === "gelu" ? "gelu-erf" : "quickgelu" }),
          // The builders' own, which the cases with small variances hold against PyTorch.
          ...("depth" in arch && { lnEps: arch.kind === "clip-vit" ? 1e-5 : 1e-6 }),
        };
        expect(known).toMatchObject({ ...(arch.kind === "resnet" && { padding }), ...(headOrder && { headOrder }) });
        if ("heads" in arch) expect(known).toMatchObject({ heads, patch, lnEps });
        if (arch.kind === "clip-vit") expect(known.act).toBe(act);
      },
    );

    it("training transforms are upstream's, but for the errata", async () => {
      const { train_pipelines } = JSON.parse(readFileSync(shared("golden/images/augment.json"), "utf8"));
      for (const { hub_names, steps, error, note } of train_pipelines as KnownPipeline[]) {
        for (const name of hub_names) {
          const { trainTransform, preprocess, arch } = await (hubconf as Record<string, SpecLoader>)[name]!();
          const found = all.find((model) => model.name === name)!.errata;
          // E14: none for supervised and random models. E10: upstream asks for a model that does not exist.
          if (found.includes("E14") || note !== undefined)
            expect([name, trainTransform]).toEqual([name, { none: expect.any(String) }]);
          else if (error !== undefined) expect([name, found]).toEqual([name, expect.arrayContaining(["E10"])]);
          if (steps === undefined || note !== undefined) continue;
          const want = steps.flatMap(toStep);
          if (found.includes("E11")) want[0]!.size = arch.size;
          if (found.includes("E12") || found.includes("E13")) want[want.length - 1] = preprocess.at(-1)!;
          expect([name, trainTransform]).toEqual([name, want]);
        }
      }
    });

    it("every hub name has metadata that says the same size, licence and errata", () => {
      for (const { name, zDim, archParams, preprocess, errata, nonCommercial, license } of all) {
        const model = metadataOf(name);
        const size = [model?.representation.z_dim, model?.model.n_parameters, model?.data.img_size];
        expect([name, ...size]).toEqual([name, zDim, archParams.numParams, preprocess.crop]);
        expect([name, isNonCommercial(model!.meta.license)]).toEqual([name, nonCommercial]);
        // S02: random weights are under no licence.
        const known = license.startsWith("none") ? null : license;
        expect([name, model!.meta.license]).toEqual([name, known]);
        const told = model!.meta.errata.map(({ id }) => id);
        expect([name, errata.filter((id) => !GENERAL.includes(id) && !told.includes(id))]).toEqual([name, []]);
      }
    });
  },
);
