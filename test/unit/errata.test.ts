import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { buildGraph } from "../../converters/build.ts";
import * as hubconf from "../../hubconf.ts";
import type { SpecLoader } from "../../src/core/family.ts";
import type { Augmentation, ModelSpec } from "../../src/core/spec.ts";
import * as hub from "../../src/index.ts";
import { isNonCommercial, loadErrata, metadataOf } from "../../src/tables/metadata.ts";
import { hasShared, shared } from "../support/shared.ts";

/**
 * Every erratum of upstream and what is done about it. `fixed`: what loads is right, upstream's is not. `told`: it
 * cannot be put right here; the card tells. `warned`: told at every load besides. The proof runs on every model whose
 * metadata names the erratum.
 */
interface Treatment {
  is: "fixed" | "told" | "warned";
  models: number;
  proof?: (spec: ModelSpec, name: string) => void;
}

const urls = ({ weights }: ModelSpec) => ("checkpoints" in weights ? weights.checkpoints.map(({ url }) => url) : []);
const normalisation = (steps: readonly Augmentation[]) => steps.find((step) => step.op === "normalize");
const training = ({ trainTransform }: ModelSpec) => (Array.isArray(trainTransform) ? trainTransform : []);

const ERRATA: Record<string, Treatment> = {
  E01: {
    is: "fixed",
    models: 6,
    proof: (spec) => {
      expect(urls(spec)[0]).toMatch(/^https:\/\/github\.com\/addf400\/files\/releases\//);
      expect(urls(spec).at(-1)).toContain("conversationhub.blob.core.windows.net");
    },
  },
  E02: { is: "warned", models: 1, proof: (spec) => expect(urls(spec)[0]).toContain("simclr_resnet50_16xb256") },
  E03: {
    is: "fixed",
    models: 11,
    proof: (spec) => {
      expect(urls(spec)[0]).not.toContain("drive.google.com");
      expect(urls(spec).join()).toContain("drive.google.com");
      expect(urls(spec).join()).not.toContain("uuid=");
    },
  },
  E04: { is: "told", models: 2, proof: (spec) => expect(urls(spec)[0]).toMatch(/dropbox.*dl=1/) },
  E05: {
    is: "fixed",
    models: 11,
    proof: (spec) => {
      expect(urls(spec)[0]).toMatch(/\.pkl$/);
      expect(spec.arch).toMatchObject({ kind: "resnet", padding: "same" });
    },
  },
  E06: { is: "fixed", models: 10, proof: (spec) => expect(spec.weights).toMatchObject({ seed: 0 }) },
  E07: {
    is: "fixed",
    models: 4,
    proof: (_, name) => expect(metadataOf(name)?.representation.z_dim).toBeGreaterThan(0),
  },
  E08: { is: "told", models: 35, proof: (_, name) => expect(hub.card(hub.resolveName(name)).results).toBeNull() },
  E10: {
    is: "fixed",
    models: 4,
    proof: (spec) => {
      expect(urls(spec)[0]).toContain("CLIP-ViT-g-14-laion2B-s12B-b42K");
      expect(spec.arch).toMatchObject({ width: 1408, depth: 40 });
    },
  },
  E11: {
    is: "fixed",
    models: 8,
    proof: (spec) =>
      expect(training(spec)).toContainEqual(expect.objectContaining({ op: "randomResizedCrop", size: spec.arch.size })),
  },
  E12: {
    is: "fixed",
    models: 3,
    proof: (spec) => expect(normalisation(training(spec))).toEqual(normalisation(spec.preprocess)),
  },
  E13: {
    is: "fixed",
    models: 2,
    proof: (spec) =>
      expect(normalisation(training(spec))).toMatchObject({ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }),
  },
  E14: {
    is: "told",
    models: 32,
    proof: (spec) => expect(spec.trainTransform).toMatchObject({ none: expect.any(String) }),
  },
  // The unit test of the registry holds every count and size against the graph; here: upstream's value is shown.
  E15: { is: "fixed", models: 40, proof: (_, name) => expectUpstream(name, "E15") },
  E16: {
    is: "fixed",
    models: 2,
    proof: (spec, name) => {
      if (spec.arch.kind !== "resnet") return expect(name).toBe("a ResNet");
      const doubled = spec.arch.width === 128;
      expect([spec.arch.innerWidthFactor ?? 1, buildGraph(spec).zDim]).toEqual(doubled ? [1, 4096] : [2, 2048]);
    },
  },
  E18: {
    is: "fixed",
    models: 1,
    proof: ({ weights }) =>
      expect("checkpoints" in weights && weights.checkpoints[0]!.rules).toEqual([{ drop: /^fc\./ }]),
  },
  E19: { is: "told", models: 10 },
  E20: {
    is: "fixed",
    models: 20,
    proof: ({ arch, representation }) =>
      expect(representation).toBe(
        arch.kind !== "clip-vit" ? "cls+avg:interleaved" : representation === "proj+cls" ? "proj+cls" : "cls+avg",
      ),
  },
  E21: { is: "warned", models: 1 },
  E22: {
    is: "fixed",
    models: 1,
    proof: (spec) => {
      expect(urls(spec)[0]).toContain("deepmind-byol");
      expect(urls(spec).at(-1)).toContain("drive.google.com");
    },
  },
  E24: {
    is: "fixed",
    models: 3,
    proof: ({ weights, arch }) => {
      expect(arch).toMatchObject({ compressor: true });
      expect("checkpoints" in weights && weights.checkpoints.every(({ components }) => components?.length === 1)).toBe(
        true,
      );
    },
  },
  E25: { is: "fixed", models: 2, proof: (spec) => expect(urls(spec)[0]).toContain("YannDubs/SSL-Risk-Decomposition") },
  E26: { is: "warned", models: 4 },
  E27: { is: "fixed", models: 28, proof: (_, name) => expectLicence(name) },
  E30: {
    is: "told",
    models: 2,
    proof: (spec) => {
      expect(urls(spec).join()).toContain("vitb_16");
      expect(urls(spec).join()).not.toContain("rand_mask");
    },
  },
  E31: { is: "fixed", models: 1, proof: (spec) => expect(spec.arch).toMatchObject({ width: 384, heads: 12 }) },
  E32: {
    is: "fixed",
    models: 1,
    proof: ({ arch, preprocess }) => {
      expect(arch.size).toBe(255);
      expect(preprocess.slice(0, 2)).toMatchObject([{ size: 292 }, { size: 255 }]);
    },
  },
  E33: {
    is: "fixed",
    models: 15,
    proof: ({ preprocess }) => expect(normalisation(preprocess)).toMatchObject({ std: [0.228, 0.224, 0.225] }),
  },
  E34: {
    is: "fixed",
    models: 1,
    proof: ({ preprocess }) => expect(normalisation(preprocess)).toMatchObject({ mean: [0.5, 0.5, 0.5] }),
  },
  E36: { is: "fixed", models: 1, proof: (spec) => expect(buildGraph(spec).zDim).toBe(1024 + 768) },
};

/** Concern every model, and are told once in docs/metadata.md. */
const GENERAL = ["E09", "E28", "E29", "E35"];

/** An upstream value is kept beside ours, and differs from it; or the erratum says in words what upstream lacks. */
function expectUpstream(name: string, id: string): void {
  const model = metadataOf(name)!;
  const { upstream, text } = model.meta.errata.find((erratum) => erratum.id === id)!;
  expect(text.length).toBeGreaterThan(10);
  for (const [path, value] of Object.entries(upstream)) {
    const [section, field] = path.split(".") as ["model", string];
    expect((model[section] as unknown as Record<string, unknown>)[field]).not.toEqual(value);
  }
}

/** The stricter licence, or the erratum says which files say otherwise. */
function expectLicence(name: string): void {
  const { license, errata } = metadataOf(name)!.meta;
  const { text } = errata.find(({ id }) => id === "E27")!;
  expect(isNonCommercial(license) || /MIT|Apache|CC-BY/.test(text), name).toBe(true);
}

describe("every erratum has a visible treatment", () => {
  const names = Object.keys(hubconf);
  const touched = (id: string) => names.filter((name) => metadataOf(name)!.meta.errata.some((one) => one.id === id));
  const page = readFileSync(new URL("../../docs/metadata.md", import.meta.url), "utf8");

  test("all that the metadata name are treated, and none is treated that no model has", () => {
    const told = new Set(names.flatMap((name) => metadataOf(name)!.meta.errata.map(({ id }) => id)));
    expect([...told].filter((id) => id.startsWith("E")).sort()).toEqual(Object.keys(ERRATA));
  });

  test.skipIf(!hasShared)("all of the list are (skipped without the shared references)", () => {
    const notes = readFileSync(shared("reference/models-notes.md"), "utf8");
    const listed = [...notes.matchAll(/^- \*\*(E\d\d)\b/gm)].map(([, id]) => id!);
    expect(listed.length).toBeGreaterThan(30);
    expect([...Object.keys(ERRATA), ...GENERAL].sort()).toEqual(listed.sort());
  });

  test.each(Object.entries(ERRATA))("%s", async (id, { is, models, proof }) => {
    const of = touched(id);
    expect(of.length).toBe(models);
    expect(page).toContain(id);
    for (const name of of) {
      expect(hub.help(hub.resolveName(name))).toContain(`Erratum ${id}`);
      expect([name, loadErrata(name).some((one) => one.id === id)]).toEqual([name, is === "warned"]);
      proof?.(await (hubconf as Record<string, SpecLoader>)[name]!(), name);
    }
  });

  test.each(GENERAL)("%s, of all models, is told in docs/metadata.md", (id) => expect(page).toContain(id));

  test("E09: names are found in any case", () => {
    for (const name of names) expect(hub.resolveName(name.toLowerCase())).toBe(name);
  });

  test("E28: every location whose address holds a digest is checked by it", async () => {
    for (const line of Object.values(hubconf) as SpecLoader[]) {
      const { weights } = await line();
      for (const { url, sha256 } of "checkpoints" in weights ? weights.checkpoints : []) {
        const digest = /\/([0-9a-f]{64})\//.exec(url)?.[1];
        if (digest !== undefined) expect(sha256).toBe(digest);
      }
    }
  });

  test("E35: nothing is left that training mode would change", async () => {
    for (const line of Object.values(hubconf) as SpecLoader[]) {
      const kinds = new Set(buildGraph(await line()).nodes.map(({ kind }) => kind as string));
      expect([...kinds].filter((kind) => /dropout|batchNorm/i.test(kind))).toEqual([]);
    }
  });
});
