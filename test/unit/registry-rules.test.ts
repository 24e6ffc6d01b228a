import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { buildGraph } from "../../converters/build.ts";
import { checkKeys } from "../../converters/check.ts";
import { joinSources } from "../../converters/join.ts";
import { withRules } from "../../converters/rules.ts";
import type { TensorSource } from "../../converters/source.ts";
import * as hubconf from "../../hubconf.ts";
import type { SpecLoader } from "../../src/core/family.ts";
import type { Checkpoint, KeyRule, ModelSpec } from "../../src/core/spec.ts";
import { loadResults } from "../../src/tables/results.ts";
import { hasLayout, type Keys, keySource, officialKeys } from "../support/layouts.ts";
import { hasShared, shared } from "../support/shared.ts";

const registry = hubconf as Record<string, SpecLoader>;
const names = Object.keys(registry);

const checkpointsOf = ({ weights }: ModelSpec): Checkpoint[] => ("checkpoints" in weights ? weights.checkpoints : []);
const rulesOf = ({ weights }: ModelSpec) => {
  if ("checkpoints" in weights) return weights.checkpoints[0]!.rules;
  return "bundled" in weights ? weights.rules : (weights.layouts?.[0] ?? []);
};

/** Applies the model's rules; throws unless exactly the architecture's keys and shapes remain. */
async function expectFit(name: string, keys: Keys): Promise<void> {
  const spec = await registry[name]!();
  checkKeys(buildGraph(spec), withRules(keySource(keys), rulesOf(spec)), name);
}

/** A file in the layout of a model's authors. */
async function layout(name: string, prefix: string, extra: Keys = {}): Promise<Keys> {
  const { params } = buildGraph(await registry[name]!());
  return { ...Object.fromEntries(params.map(({ key, shape }) => [prefix + key, shape])), ...extra };
}

/** The keys of a location's files: of the file itself, and of each of its components by its place. */
function filesOf(checkpoint: Checkpoint, spec: ModelSpec): [main: Keys, ...components: Keys[]] {
  const canonical: Keys = Object.fromEntries(buildGraph(spec).params.map(({ key, shape }) => [key, shape]));
  if (checkpoint.components === undefined) return [officialKeys(checkpoint, canonical, spec)];
  // Only lossyless has a component: what is under `clip.` is CLIP's own file.
  const inside = Object.entries(canonical).filter(([key]) => key.startsWith("clip."));
  const own = Object.entries(canonical).filter(([key]) => !key.startsWith("clip."));
  const clip = Object.fromEntries(inside.map(([key, shape]) => [key.slice(5), shape]));
  return [
    officialKeys(checkpoint, Object.fromEntries(own), spec),
    ...checkpoint.components.map((component) => officialKeys(component, clip, spec)),
  ];
}

/** Every file of a checkpoint, joined and read by its rules. */
function joined(checkpoint: Checkpoint, [main, ...components]: Keys[]): TensorSource {
  const others = components.map((keys, i) => withRules(keySource(keys), checkpoint.components![i]!.rules));
  return withRules(joinSources([keySource(main!), ...others]), checkpoint.rules);
}

it("the layouts of all models of the paper are written down", async () => {
  const known = new Set(loadResults().map((row) => row.name as string));
  const unknown: string[] = [];
  for (const name of names.filter((name) => known.has(name))) {
    const files = checkpointsOf(await registry[name]!());
    unknown.push(...files.filter((file) => !hasLayout(file)).map(({ url }) => url));
  }
  expect(unknown).toEqual([]);
});

describe("the rules of every location of every model lead to its architecture's keys", () => {
  it.each(names)("%s", async (name) => {
    const spec = await registry[name]!();
    const graph = buildGraph(spec);
    for (const checkpoint of checkpointsOf(spec).filter(hasLayout)) {
      const files = filesOf(checkpoint, spec);
      checkKeys(graph, joined(checkpoint, files), `${name} from ${checkpoint.url}`);
      // Strict: a key less, or one of an unknown layer, is told of.
      const target = Object.keys(files[0]).find((key) =>
        /norm1?\.weight$|bn1\.weight$|ln_pre\.weight|scaling/.test(key),
      );
      const [, prefix] = /^(.*?)[\w]+$/.exec(target ?? Object.keys(files[0])[0]!)!;
      const { [target ?? Object.keys(files[0])[0]!]: _, ...less } = files[0];
      expect(() => checkKeys(graph, joined(checkpoint, [less, ...files.slice(1)]), name)).toThrow(
        /KEYS|missing|finds no/,
      );
      const more = { ...files[0], [`${prefix}unheard_of`]: [1] };
      expect(() => checkKeys(graph, joined(checkpoint, [more, ...files.slice(1)]), name)).toThrow(/unheard_of/);
    }
  });
});

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

  it.each([
    ["openclip_vitB32", "state_dict.module.visual.", { "state_dict.module.positional_embedding": [77, 512] }],
    ["openclip_vitB32", "module.visual.", {}],
    ["msn_vits16_ep800", "target_encoder.", {}],
    ["init_vitS16", "", {}],
    ["init_rn50_d512", "", {}],
  ] as [string, string, Keys][])("%s under %j", async (name, prefix, extra) => {
    await expectFit(name, await layout(name, prefix, extra));
  });

  it("DISSL's layer before the pool is known by both of its names", async () => {
    const name = "dissl_resnet50_d8192_e400_m6";
    const keys = Object.entries(await layout(name, ""));
    await expectFit(
      name,
      Object.fromEntries(keys.map(([key, shape]) => [key.replace(/^resizer/, "avgpool.0"), shape])),
    );
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
    interface KnownModel {
      name: string;
      arch: string;
      container: string[][];
      rawKeys: string | null;
    }
    const folder = shared("reference/keys/raw");
    const models: KnownModel[] = hasShared ? json(shared("reference/models.json")) : [];
    const raws: [string, Raw][] = hasShared
      ? readdirSync(folder).map((file): [string, Raw] => [file, json(`${folder}/${file}`)])
      : [];

    /** As the pickle's reader names them: the tree of Haiku's states, module and parameter parted by a dot. */
    const haikuNames = (keys: Keys): Keys =>
      Object.fromEntries(
        Object.entries(keys).map(([key, shape]) => {
          const state = /_ema\/(average|hidden|counter)$/.test(key) ? "state" : "params";
          return [`experiment_state.online_${state}.${key.replace(/\/(\w+)$/, ".$1")}`, shape];
        }),
      );

    it("there are lists for 181 of the models", () => {
      expect(models.filter(({ name, rawKeys }) => name in registry && rawKeys !== null).length).toBe(181);
    });

    it.each(raws)("%s", async (file, raw) => {
      const users = models.filter(({ rawKeys }) => `${rawKeys}.json` === file);
      if (file === "byol-haiku.json") users.push(models.find(({ name }) => name === "byol_rn50_bs4096")!);
      const clip: Keys = json(`${folder}/clip-vit-b32.json`).keys;
      expect(users.length).toBeGreaterThan(0);
      for (const { name, container } of users) {
        const spec = await registry[name]!();
        const graph = buildGraph(spec);
        const fits = (keys: Keys) =>
          checkpointsOf(spec).some((checkpoint) => {
            try {
              const components = checkpoint.components?.map(() => clip) ?? [];
              checkKeys(graph, joined(checkpoint, [keys, ...components]), name);
              return true;
            } catch {
              return false;
            }
          });
        const layouts =
          file === "byol-haiku.json"
            ? [haikuNames(raw.keys)]
            : container.map((path) => prefixed(path.map((part) => `${part}.`).join(""), raw.keys));
        for (const keys of layouts) expect([name, fits(keys)]).toEqual([name, true]);
      }
    });

    it.each([...new Set(models.map(({ arch }) => arch))])("the keys of %s are its reference's", async (arch) => {
      const { keys }: { keys: Keys } = json(shared(`reference/keys/${arch}.json`));
      for (const { name } of models.filter((model) => model.arch === arch)) {
        const { params } = buildGraph(await registry[name]!());
        const ours = Object.fromEntries(params.map(({ key, shape }) => [key, shape.filter((n) => n !== 1).join()]));
        const wanted = Object.entries(keys).map(([key, shape]) => [key, shape.filter((n) => n !== 1).join()]);
        expect(ours).toEqual(Object.fromEntries(wanted));
      }
    });

    interface Case {
      name: string;
      canonicalKeys: Keys;
      rawLayout: {
        container: string[];
        prefix: string;
        extraKeys: Keys;
        absentKeys: string[];
        rename?: Record<string, string> | string;
      };
    }
    const caseFolder = shared("golden/models/cases");
    // Haiku's and numpy's names are of other forms: the lists above have them.
    const cases: [string, Case][] = hasShared
      ? readdirSync(caseFolder)
          .map((file): [string, Case] => [file, json(`${caseFolder}/${file}`)])
          .filter(([, { name, rawLayout }]) => name !== "byol_rn50_bs512" && typeof rawLayout.rename !== "string")
      : [];

    it.each(cases)("case %s", async (_, { name, canonicalKeys, rawLayout }) => {
      const { container, prefix, extraKeys, absentKeys, rename = {} } = rawLayout;
      const raw = (key: string) => (rename as Record<string, string>)[key] ?? prefix + key;
      const present = Object.entries(canonicalKeys).filter(([key]) => !absentKeys.some((part) => key.includes(part)));
      const inside = { ...Object.fromEntries(present.map(([key, shape]) => [raw(key), shape])), ...extraKeys };
      const keys = prefixed(container.map((part) => `${part}.`).join(""), inside);
      const spec = await registry[name]!();
      const fits = (rules: KeyRule[]) => {
        try {
          checkKeys(buildGraph(spec), withRules(keySource(keys), rules), name);
          return "fits";
        } catch (error) {
          return (error as Error).message;
        }
      };
      const layouts = checkpointsOf(spec).map(({ rules }) => rules);
      expect((layouts.length === 0 ? [rulesOf(spec)] : layouts).map(fits)).toContain("fits");
    });
  },
);
