import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { check as checkCommand } from "../../src/cli/check.ts";
import type { Command } from "../../src/cli/command.ts";
import { newCommand } from "../../src/cli/new.ts";
import * as hub from "../../src/index.ts";
import { checkMetadata } from "../../src/tables/metadata.ts";
import { scratch } from "../support/scratch.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CHECKPOINT = join(ROOT, "test/fixtures/tiny_ssl.pth");
const URL_OF_IT = "https://example.org/models/mine_tiny.pth";

/** What of the tree a contribution touches or needs; of its models only some, as reading all takes a second. */
function checkout(): string {
  const root = scratch();
  for (const path of ["package.json", "hub", "src/core"]) {
    cpSync(join(ROOT, path), join(root, path), { recursive: true });
  }
  writeFileSync(join(root, "hubconf.ts"), HUBCONF);
  writeFileSync(join(root, "metadata.yaml"), METADATA);
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
  return root;
}

const text = (path: string) => readFileSync(join(ROOT, path), "utf8");
/** DINO's entries refer to one of VICReg's. */
const SOME = /^(dino|vicreg)_/;
const HUBCONF = text("hubconf.ts").replace(/^(?:export )?const (\w+) = (\w+)\(.*\n/gm, (line, name, family) =>
  SOME.test(`${name}_`) || SOME.test(`${family}_`) ? line : "",
);
const METADATA = text("metadata.yaml")
  .split(/^(?=\w+:)/m)
  .filter((entry) => SOME.test(entry))
  .join("");

const add = (root: string, options: Partial<hub.NewModelOptions> = {}, name = "mine_tiny") =>
  hub.newModel(name, {
    root,
    arch: "tiny_resnet",
    url: URL_OF_IT,
    checkpoint: CHECKPOINT,
    license: "MIT",
    where: "https://example.org/mine",
    objective: "simclr",
    title: "A title: with a colon",
    authors: "Ours, Theirs",
    paper: "https://example.org/paper",
    year: 2024,
    month: 2,
    onProgress: () => {},
    ...options,
  });

const edit = (root: string, path: string, change: (text: string) => string) => {
  const before = readFileSync(join(root, path), "utf8");
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(join(root, path), after);
};
const check = (root: string, name = "mine_tiny", options: hub.CheckOptions = {}) =>
  hub.checkModels([name], { root, ...options });
const problems = (findings: hub.Finding[], state = "error") =>
  findings.filter((finding) => finding.state === state).map(({ what, message }) => `${what}: ${message}`);

describe("ssl-hub new", () => {
  it("scaffolds a model that passes ssl-hub check, its features included", async () => {
    const root = checkout();
    const made = await add(root);
    expect(made.written).toEqual(["hub/mine.ts", "metadata.yaml", "hubconf.ts"]);
    const family = readFileSync(join(root, "hub/mine.ts"), "utf8");
    expect(family).toContain('{ take: "state_dict.module.encoder." }');
    expect(family).toMatch(/sha256: "[0-9a-f]{64}"/);
    expect(family).toContain('{ op: "randomResizedCrop", size: 32, scale: [0.08, 1]');
    expect(family).toContain("brightness: [0.2, 1.8]");
    expect(family).toContain("ratio: [0.75, 1.3333333333333333]");
    expect(made.guesses.join("\n")).toMatch(/training augmentation is \w+'s, as most of simclr have it/);
    const entry = checkMetadata(readFileSync(join(root, "metadata.yaml"), "utf8")).mine_tiny!;
    expect(entry).toMatchObject({
      ssl: { objective: "simclr" },
      representation: { z_dim: 256, z_layer: "avgpool" },
      meta: { license: "MIT", citation: { title: "A title: with a colon" } },
    });
    const findings = await check(root, "mine_tiny", { checkpoint: CHECKPOINT });
    expect(problems(findings)).toEqual([]);
    expect(findings.filter(({ state }) => state === "ok").map(({ what }) => what)).toEqual([
      "line",
      "specification",
      "graph",
      "training",
      "licence",
      "location",
      "hash",
      "keys",
      "features",
    ]);
    expect(findings.at(-1)!.message).toMatch(/norms [\d.]+ [\d.]+, first/);
    expect(problems(findings, "warning")).toEqual([expect.stringContaining("ssl.ssl_mode, data.pretraining_data")]);
  });

  it("adds nothing but its own lines", async () => {
    const root = checkout();
    const before = ["hubconf.ts", "metadata.yaml"].map((path) => readFileSync(join(root, path), "utf8"));
    await add(root);
    const after = ["hubconf.ts", "metadata.yaml"].map((path) => readFileSync(join(root, path), "utf8"));
    const added = after[0]!.split("\n").filter((line) => !before[0]!.split("\n").includes(line));
    expect(added).toEqual([
      'const mine = family(() => import("./hub/mine.ts"));',
      "// mine",
      'export const mine_tiny = mine("tiny");',
    ]);
    expect(after[1]!.startsWith(before[1]!.trimEnd())).toBe(true);
  });

  it("puts a further line beside its family's, whose file it leaves to the author", async () => {
    const root = checkout();
    const made = await add(root, { checkpoint: undefined, arch: "resnet50" }, "dino_mine");
    expect(made.written).toEqual(["metadata.yaml", "hubconf.ts"]);
    expect(made.next[0]).toMatch(/add "mine" to hub\/dino\.ts/);
    const lines = readFileSync(join(root, "hubconf.ts"), "utf8").split("\n");
    const at = lines.indexOf('export const dino_mine = dino("mine");');
    expect(lines[at - 1]).toMatch(/^export const dino_\w+ = dino\(/);
    // Until then check says what is missing.
    expect(problems(await check(root, "dino_mine"))[0]).toMatch(/^specification: The family file throws/);
  });

  it.each([
    [{ trainLike: "swav_rn50" }, /scale: \[0\.14, 1\]/, "ok"],
    [{ objective: "supervised" }, /trainTransform: \{ none: "it was trained with labels" \}/, "ok"],
    [{ objective: "ours" }, /trainTransform: \{ none: "nobody has written down/, "warning"],
  ] as const)("writes the training augmentation of %o", async (options, text, state) => {
    const root = checkout();
    const made = await add(root, options);
    expect(made.guesses.join()).not.toContain("augmentation");
    expect(readFileSync(join(root, "hub/mine.ts"), "utf8")).toMatch(text);
    if ("objective" in options && options.objective === "supervised")
      edit(root, "metadata.yaml", (all) => all.replace(/(mine_tiny:\n {2}ssl:\n)/, "$1    ssl_mode: supervised\n"));
    expect((await check(root)).find(({ what }) => what === "training")?.state).toBe(state);
  });

  it("refuses what is taken or cannot be, and writes nothing then", async () => {
    const root = checkout();
    const before = readFileSync(join(root, "hubconf.ts"), "utf8");
    await expect(add(root, {}, "DINO_rn50")).rejects.toMatchObject({ code: "METADATA" });
    await expect(add(root, {}, "../x")).rejects.toThrow(TypeError);
    await expect(add(root, { url: "http://x.org/a.pth" })).rejects.toThrow(/https/);
    await expect(add(root, { family: "../../x" })).rejects.toThrow(/family/);
    await expect(add(root, { arch: "resnet50" })).rejects.toMatchObject({ code: "KEYS" });
    await expect(add(root, { trainLike: "sup_rn50" })).rejects.toThrow(
      /trained like sup_rn50: it was trained with labels/,
    );
    await expect(add(root, { trainLike: "nobody" })).rejects.toMatchObject({ code: "UNKNOWN_MODEL" });
    await expect(add(scratch())).rejects.toThrow(/is no checkout of ssl-hub/);
    expect(readFileSync(join(root, "hubconf.ts"), "utf8")).toBe(before);
  });
});

describe("CONTRIBUTING.md", () => {
  const page = text("CONTRIBUTING.md");
  /** A command of the page as the command line would read it; texts in quotes have spaces. */
  const words = (start: string) => {
    const found = page.slice(page.indexOf(start)).replaceAll("\\\n", "").split("\n")[0]!;
    return [...found.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!);
  };
  async function run(command: Command, start: string, root: string): Promise<string[]> {
    const [, , , name, ...flags] = words(start);
    const camel = (flag: string) => flag.slice(2).replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
    const options = Object.fromEntries(flags.flatMap((flag, i) => (i % 2 === 0 ? [[camel(flag), flags[i + 1]!]] : [])));
    const known = command.options.map(([flag]) => camel(flag.split(" ")[0]!));
    expect(Object.keys(options).filter((option) => !known.includes(option))).toEqual([]);
    const lines: string[] = [];
    const job = { signal: new AbortController().signal, onProgress: () => {} };
    const args = command.usage.endsWith("...]") ? [[name!]] : [name];
    await command.run(
      args,
      { ...options, root },
      { json: false, job, print: (line) => lines.push(...line.split("\n")) },
    );
    return lines;
  }
  /** The lines after a sentence, as far as they are known: `...` stands for what differs. */
  const shown = (after: string) => page.slice(page.indexOf(after)).split("```")[1]!.split("\n").slice(1, -1);
  const fits = (line: string, form: string) =>
    form.split("...").reduce((at, part) => (at < 0 ? at : line.indexOf(part, at)), 0) >= 0;

  it("its walk works as it is written", async () => {
    const root = checkout();
    const made = await run(newCommand, "npx ssl-hub new", root);
    expect(made[0]).toBe("Wrote hub/mine.ts, metadata.yaml, hubconf.ts.");
    const family = readFileSync(join(root, "hub/mine.ts"), "utf8").replaceAll('"tiny"', "tiny");
    for (const line of shown("In `hub/mine.ts` stands now")) {
      expect(
        family.split("\n").some((one) => fits(one, line)),
        line,
      ).toBe(true);
    }
    const said = await run(checkCommand, "npx ssl-hub check mine_tiny", root);
    const forms = shown("the keys and the features:");
    expect(said.slice(0, forms.length).map((line, i) => (fits(line, forms[i]!) ? forms[i] : line))).toEqual(forms);
    expect(said.at(-1)).toBe("1 models: 0 errors, 1 warnings.");
  });

  it("names scripts that there are", () => {
    const { scripts } = JSON.parse(text("package.json"));
    for (const [, name] of page.matchAll(/npm run (\w+)/g)) expect(Object.keys(scripts)).toContain(name);
  });
});

describe("ssl-hub check", () => {
  it("finds nothing wrong with any model of this tree", async () => {
    const findings = await hub.checkModels([], { root: ROOT });
    expect(findings.filter(({ state }) => state === "error")).toEqual([]);
    expect(new Set(findings.map(({ model }) => model)).size).toBe(hub.list().length);
  });

  const HUB = "hub/mine.ts";
  const change = (root: string, path: string, pairs: [from: string | RegExp, to: string][]) => {
    for (const [from, to] of pairs) edit(root, path, (text) => text.replace(from, to));
  };

  it("tells of all that is wrong at once", async () => {
    const root = checkout();
    await add(root);
    change(root, "metadata.yaml", [
      [/(mine_tiny:[\s\S]*z_dim: )256/, "$199"],
      [/(mine_tiny:[\s\S]*) {4}license: MIT\n/, "$1"],
    ]);
    change(root, HUB, [
      ["example.org/models", "huggingface.co/a/blob/main"],
      [/sha256: "[0-9a-f]{64}"/, `sha256: "${"0".repeat(64)}"`],
      ["module.encoder.", "module."],
      ['"randomResizedCrop", size: 32', '"randomResizedCrop", size: 24'],
    ]);
    const wrong = problems(await check(root, "mine_tiny", { checkpoint: CHECKPOINT }));
    expect(wrong).toEqual([
      expect.stringMatching(/^graph: .*z_dim is 99.*makes it 256/),
      expect.stringMatching(/^training: .*crops to 24 pixels; the encoder takes 32/),
      expect.stringMatching(/^licence: meta\.license is absent/),
      expect.stringMatching(/^location: .*\/resolve\/ in place of \/blob\//),
      expect.stringMatching(/^hash: .*stated is 000/),
      expect.stringMatching(/^keys: .*keys missing/),
    ]);
  });

  it("tells of a specification that cannot be", async () => {
    const root = checkout();
    await add(root);
    change(root, HUB, [
      [/sha256: "[0-9a-f]{60}/, 'sha256: "'],
      ["{ take:", "{ grab:"],
    ]);
    const [wrong] = problems(await check(root));
    expect(wrong).toMatch(/weights\.checkpoints\.0\.rules\.0/);
    expect(wrong).toMatch(/sha256: not 64 hex digits/);
  });

  it("tells of a representation that the architecture does not have, and of a line that is missing", async () => {
    const root = checkout();
    await add(root);
    change(root, HUB, [
      ['"avgpool"', '"cls"'],
      ["https://example", "http://example"],
    ]);
    const wrong = problems(await check(root, "mine_tiny", { checkpoint: CHECKPOINT })).join("\n");
    expect(wrong).toMatch(/no representation "cls"/);
    expect(wrong).toMatch(/no https:/);
    change(root, "hubconf.ts", [["mine_tiny =", "mine_tinny ="]]);
    expect(problems(await check(root))[0]).toMatch(/exports no mine_tiny; there is mine_tinny/);
  });

  it("says which file of a checkout does not load, and what is wrong in the metadata", async () => {
    const root = checkout();
    await add(root);
    edit(root, HUB, (text) => text.replace("];", "]];"));
    await expect(check(root)).rejects.toMatchObject({ code: "METADATA" });
    await expect(check(root)).rejects.toThrow(/hub\/mine\.ts, line \d+/);
    const other = checkout();
    edit(other, "metadata.yaml", (text) => `${text}\nmine_tiny:\n  modle: {}\n`);
    await expect(check(other)).rejects.toThrow(/mine_tiny.*modle/);
  });

  it("without a file says what was not looked at", async () => {
    const root = checkout();
    await add(root);
    hub.setDir(scratch());
    expect(problems(await check(root), "skipped")).toEqual([expect.stringMatching(/^keys: No file of it is here/)]);
    await expect(hub.checkModels([], { root, checkpoint: CHECKPOINT })).rejects.toThrow(TypeError);
  });
});
