import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { buildGraph } from "../../converters/build.ts";
import { checkKeys } from "../../converters/check.ts";
import { withRules } from "../../converters/rules.ts";
import type { TensorSource } from "../../converters/source.ts";
import * as hubconf from "../../hubconf.ts";
import type { SpecLoader } from "../../src/core/family.ts";
import type { ModelSpec } from "../../src/core/spec.ts";
import { hasShared, shared } from "../support/shared.ts";

type Keys = Record<string, readonly number[]>;
const registry = hubconf as Record<string, SpecLoader>;

/** What a reader would list: names and shapes, without batch norm's counters. */
function sourceOf(keys: Keys): TensorSource {
  const names = Object.keys(keys).filter((name) => !name.endsWith("num_batches_tracked"));
  return {
    format: "torch-zip",
    names: () => names,
    meta: (name) => ({ dtype: "float32", shape: keys[name]! }),
    read: () => Promise.reject(new Error("rules read no tensor")),
    close: async () => {},
  };
}

const rulesOf = ({ weights }: ModelSpec) => ("checkpoints" in weights ? weights.checkpoints[0]!.rules : []);

/** Applies the model's rules; throws unless exactly the architecture's keys and shapes remain. */
async function expectFit(name: string, keys: Keys): Promise<void> {
  const spec = await registry[name]!();
  checkKeys(buildGraph(spec), withRules(sourceOf(keys), rulesOf(spec)), name);
}

/** A file in the layout of a model's authors. */
async function layout(name: string, prefix: string, extra: Keys = {}): Promise<Keys> {
  const { params } = buildGraph(await registry[name]!());
  return { ...Object.fromEntries(params.map(({ key, shape }) => [prefix + key, shape])), ...extra };
}

const TRUNK = "classy_state_dict.base_model.model.trunk.";
const LAYOUTS: [name: string, prefix: string, extra?: Keys][] = [
  ["dino_rn50", "", { "fc.weight": [1000, 2048] }],
  [
    "mocov2_rn50_ep800",
    "state_dict.module.encoder_q.",
    {
      "state_dict.module.encoder_q.fc.0.weight": [2048, 2048],
      "state_dict.module.encoder_k.conv1.weight": [64, 3, 7, 7],
      "state_dict.module.queue": [128, 65536],
      "optimizer.state.0.momentum_buffer": [64, 3, 7, 7],
    },
  ],
  [
    "mocov3_rn50_ep300",
    "state_dict.module.base_encoder.",
    { "state_dict.module.base_encoder.fc.0.weight": [4096, 2048], "state_dict.module.predictor.0.weight": [4096, 256] },
  ],
  ["simsiam_rn50_bs256_ep100", "state_dict.module.encoder.", { "state_dict.module.encoder.fc.6.bias": [2048] }],
  ["swav_rn50", "module.", { "module.prototypes.weight": [3000, 128], "module.projection_head.0.bias": [2048] }],
  ["swav_rn50", "", { "prototypes.weight": [3000, 128] }],
  ["simclr_rn101", `${TRUNK}_feature_blocks.`, { "classy_state_dict.base_model.model.heads.0.clf.0.weight": [1, 1] }],
  ["simclr_rn50", TRUNK],
  ["jigsaw_rn50", "model_state_dict._feature_blocks.", { "model_state_dict._feature_blocks.fc1.0.weight": [1000, 1] }],
  ["jigsaw_rn50", "model_state_dict.", { "model_state_dict.fc2.bias": [2000] }],
  ["barlow_rn50", "_feature_blocks."],
  ["barlow_rn50", ""],
  ["vicreg_rn50", ""],
  ["vicregl_rn50_alpha09", ""],
  ["dissl_resnet50_dNone_e400_m6", ""],
  ["simclr_resnet50_dNone_e100_m2", ""],
  ["speccl_resnet50_bs384_ep100", "state_dict.backbone.", { "state_dict.backbone.proj_resnet.0.weight": [1] }],
  ["relativeloc_rn50_70ep_mmselfsup", "state_dict."],
  [
    "infomin_rn50_800ep",
    "model.module.encoder.",
    { "model.module.encoder.fc.bias": [1], "model.module.head.0.bias": [1] },
  ],
  ["sup_rn101", "", { "fc.weight": [1000, 2048], "fc.bias": [1000] }],
  ["init_rn50", ""],
];

describe("key rules on the authors' layouts", () => {
  it.each(LAYOUTS)("%s under %j", async (name, prefix, extra) => {
    await expectFit(name, await layout(name, prefix, extra));
  });

  it.each(LAYOUTS)("%s under %j: strict about what is missing and what is unknown", async (name, prefix, extra) => {
    const keys = await layout(name, prefix, extra);
    const { [`${prefix}layer3.1.bn2.running_var`]: _, ...less } = keys;
    await expect(expectFit(name, less)).rejects.toMatchObject({ details: { missing: ["layer3.1.bn2.running_var"] } });
    await expect(expectFit(name, { ...keys, [`${prefix}layer9.weight`]: [1] })).rejects.toMatchObject({
      details: { unexpected: ["layer9.weight"] },
    });
  });

  it("the layout of one family is not taken for another's", async () => {
    const moco = await layout("mocov2_rn50_ep800", "state_dict.module.encoder_q.");
    for (const name of [
      "dino_rn50",
      "simsiam_rn50_bs256_ep100",
      "relativeloc_rn50_70ep_mmselfsup",
      "infomin_rn50_800ep",
    ]) {
      await expect(expectFit(name, moco)).rejects.toMatchObject({ code: "KEYS" });
    }
  });
});

describe.skipIf(!hasShared)(
  "key rules on the official files' key lists (skipped without the shared references)",
  () => {
    const json = (path: string) => {
      const bytes = readFileSync(path);
      return JSON.parse((path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString());
    };
    const prefixed = (prefix: string, keys: Keys): Keys =>
      Object.fromEntries(Object.entries(keys).map(([key, shape]) => [prefix + key, shape]));

    interface Raw {
      container: string[][] | null;
      models: string[];
      keys: Keys;
    }
    const folder = shared("reference/keys/raw");
    const raws: [string, Raw][] = hasShared
      ? readdirSync(folder)
          .map((file): [string, Raw] => [file, json(`${folder}/${file}`)])
          .filter(([, raw]) => raw.models.some((name) => name in registry))
      : [];
    const models: { name: string; container: string[][]; rawKeys: string | null }[] = hasShared
      ? json(shared("reference/models.json"))
      : [];

    it("there are lists for 64 of the models", () => {
      expect(models.filter(({ name, rawKeys }) => name in registry && rawKeys !== null).length).toBe(64);
    });

    it.each(raws)("%s", async (file, raw) => {
      const users = models.filter(({ name, rawKeys }) => name in registry && `${rawKeys}.json` === file);
      expect(users.length).toBeGreaterThan(0);
      for (const { name, container } of users) {
        for (const path of container)
          await expectFit(name, prefixed(path.map((part) => `${part}.`).join(""), raw.keys));
      }
    });

    interface Case {
      name: string;
      canonicalKeys: Keys;
      rawLayout: { container: string[]; prefix: string; extraKeys: Keys; absentKeys: string[] };
    }
    const caseFolder = shared("golden/models/cases");
    const cases: [string, Case][] = hasShared
      ? readdirSync(caseFolder)
          .filter((file) => file.split(/[.]|__/)[0]! in registry)
          .map((file): [string, Case] => [file, json(`${caseFolder}/${file}`)])
      : [];

    it.each(cases)("case %s", async (_, { name, canonicalKeys, rawLayout }) => {
      const { container, prefix, extraKeys, absentKeys } = rawLayout;
      const present = Object.entries(canonicalKeys).filter(([key]) => !absentKeys.some((part) => key.includes(part)));
      const inside = { ...prefixed(prefix, Object.fromEntries(present)), ...extraKeys };
      await expectFit(name, prefixed(container.map((part) => `${part}.`).join(""), inside));
    });
  },
);
