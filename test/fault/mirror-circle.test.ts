import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { buildGraph } from "../../converters/build.ts";
import { fingerprint } from "../../src/core/fingerprint.ts";
import { newOwner } from "../../src/core/owner.ts";
import * as hub from "../../src/index.ts";
import { specOf, wantedModel } from "../../src/load.ts";
import { ensureDirs } from "../../src/store/dirs.ts";
import { placeOf } from "../../src/store/location.ts";
import { writeMirrorIndex } from "../../src/store/mirror-index.ts";
import { redistributionLimit } from "../../src/tables/licenses.ts";
import { artifactFiles, writeFiles } from "../support/artifact.ts";
import { officialKeys } from "../support/layouts.ts";
import { scratch } from "../support/scratch.ts";
import { writeEmptySafetensors } from "../support/write-safetensors.ts";
import { type FaultServer, sendFile, serve } from "./server.ts";

/** One under a free licence, one that must not be used commercially. */
const FREE = "dino_vitS16" as const;
const RESTRICTED = "mocov2_rn50_ep800" as const;

let root: string;
let server: FaultServer;
beforeAll(async () => {
  // A static host that serves a folder under a prefix, and nothing else.
  server = await serve(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url!, "http://x").pathname);
    const file = path.startsWith("/some/prefix/") ? join(root, "mirror", path.slice(13)) : undefined;
    if (file === undefined || !existsSync(file)) return response.writeHead(404).end();
    await sendFile(request, response, await readFile(file));
  });
});
afterAll(() => server.close());

beforeEach(() => {
  root = scratch();
  hub.setDir(join(root, "cache"));
  vi.unstubAllEnvs();
});

/** Puts a converted model, or a variant of it, into the cache, as a pull would have. */
async function convertInto(cache: string, name: hub.ModelName, options: hub.VariantOptions = {}): Promise<string> {
  const { key, spec, dtype } = await wantedModel(name, options);
  const license = hub.card(name).meta.license;
  const { representation, arch } = spec;
  const facts = { name, fingerprint: key, license, dtype, representation, image_size: arch.size };
  const files = artifactFiles((info) => Object.assign(info, facts, dtype === "float16" && { float16_error: 5e-4 }));
  return writeFiles(join(cache, "models", name, key), files);
}

const out = () => join(root, "mirror");

describe("a mirror over the network", () => {
  it("what is mirrored here is had there, under any prefix, without the official host", async () => {
    const folder = await convertInto(join(root, "cache"), FREE);
    const [made] = await hub.mirror([FREE], { out: out() });
    expect(made).toMatchObject({ name: FREE, state: "made", file: `${FREE}.tar.gz`, license: "Apache-2.0" });
    expect((await readdir(out())).sort()).toEqual(
      [`${FREE}.tar.gz`, `${FREE}.tar.gz.sha256`, "index.html", "index.json"].sort(),
    );
    hub.setDir(join(root, "elsewhere"));
    for (const base of [`${server.base}/some/prefix`, `${server.base}/some/prefix/`]) {
      vi.stubEnv("SSL_HUB_MIRROR", `${server.base}/dead,${base}`);
      const warnings: string[] = [];
      const had = await hub.pull(FREE, {
        forceReload: true,
        onProgress: (event) => event.stage === "warning" && warnings.push(event.code),
      });
      expect(had).toContain(join(root, "elsewhere"));
      for (const file of await readdir(folder)) {
        expect(readFileSync(join(had, file)).equals(readFileSync(join(folder, file)))).toBe(true);
      }
      expect(warnings.filter((code) => code === "MIRROR")).toEqual(["MIRROR"]);
    }
  });

  it("its index states hash, size, licence and source, and its page shows them", async () => {
    await convertInto(join(root, "cache"), FREE);
    const [made] = await hub.mirror([FREE], { out: out() });
    const index = JSON.parse(await readFile(join(out(), "index.json"), "utf8"));
    const entry = index.models[FREE];
    expect(index.format).toBe(1);
    expect(entry).toMatchObject({
      sha256: made!.sha256,
      bytes: made!.bytes,
      license: "Apache-2.0",
      restricted: null,
      source: { url: "https://example.org/tiny.pth" },
      fingerprint: fingerprint(await specOf(FREE)),
    });
    expect(await readFile(join(out(), `${entry.file}.sha256`), "utf8")).toBe(`${entry.sha256}  ${entry.file}\n`);
    const page = await readFile(join(out(), "index.html"), "utf8");
    expect(page).toContain(`href="${FREE}.tar.gz"`);
    expect(page).toContain("Apache-2.0");
    expect(page).toContain(entry.sha256);
  });

  it("its page escapes what others wrote", async () => {
    await mkdir(out());
    await writeMirrorIndex(out(), {
      format: 1,
      models: {
        mine: {
          name: "mine",
          representation: "<i>",
          image_size: 32,
          dtype: "float32",
          float16_error: null,
          file: "mine.tar.gz",
          sha256: "0".repeat(64),
          bytes: 1,
          fingerprint: "0".repeat(16),
          license: "<b>MIT",
          restricted: '"><script>',
          source: { url: "https://example.org/<a>", sha256: null },
          where: "javascript:alert(1)",
          citation: { title: "T", authors: "A <script> & B", year: 2020, url: 'https://example.org/"x' },
          z_dim: 1,
          n_parameters: 1,
        },
      },
    });
    const page = await readFile(join(out(), "index.html"), "utf8");
    expect(page).not.toMatch(/<script|<b>|<i>|<a>|"x|href="javascript/);
    for (const text of ["&lt;b&gt;MIT", "A &lt;script&gt; &amp; B, 2020", 'title="&quot;&gt;&lt;script&gt;"']) {
      expect(page).toContain(text);
    }
  });
});

describe("variants", () => {
  const VARIANT = { representation: "cls+avg:interleaved", imageSize: 448, dtype: "float16" } as const;
  const ARCHIVE = `${FREE}.cls-avg-interleaved.448px.float16`;
  const warnings: string[] = [];
  const onProgress = (event: hub.ProgressEvent) => {
    if (event.stage === "warning") warnings.push(`${event.code} ${event.message}`);
  };
  beforeEach(() => void warnings.splice(0));

  it("lie beside the plain model under names of their own, and are had there without the official host", async () => {
    const [plain, half] = [
      await convertInto(join(root, "cache"), FREE),
      await convertInto(join(root, "cache"), FREE, VARIANT),
    ];
    await hub.mirror([FREE], { out: out() });
    const [made] = await hub.mirror([FREE], { out: out(), ...VARIANT });
    expect(made).toMatchObject({ name: FREE, archive: ARCHIVE, state: "made", file: `${ARCHIVE}.tar.gz` });
    expect(await hub.mirror([FREE], { out: out(), ...VARIANT })).toMatchObject([{ archive: ARCHIVE, state: "kept" }]);
    const { models } = JSON.parse(await readFile(join(out(), "index.json"), "utf8"));
    expect(Object.keys(models)).toEqual([FREE, ARCHIVE]);
    expect(models[FREE]).toMatchObject({ name: FREE, dtype: "float32", image_size: 224, float16_error: null });
    expect(models[ARCHIVE]).toMatchObject({
      name: FREE,
      representation: "cls+avg:interleaved",
      image_size: 448,
      dtype: "float16",
      float16_error: 5e-4,
      sha256: made!.sha256,
      bytes: made!.bytes,
      fingerprint: (await wantedModel(FREE, VARIANT)).key,
    });
    const page = await readFile(join(out(), "index.html"), "utf8");
    expect(page).toContain(`href="${ARCHIVE}.tar.gz"`);
    expect(page).toContain("features differ by 5e-4");
    hub.setDir(join(root, "elsewhere"));
    vi.stubEnv("SSL_HUB_MIRROR", `${server.base}/some/prefix`);
    for (const [folder, options] of [
      [half, VARIANT],
      [plain, { imageSize: 224, dtype: "float32" }],
    ] as const) {
      const had = await hub.pull(FREE, { ...options, onProgress });
      expect(readFileSync(join(had, "model.json")).equals(readFileSync(join(folder, "model.json")))).toBe(true);
    }
    expect(warnings).toEqual([]);
  });

  it("that the mirror lacks are made from the original, which is told", { timeout: 60_000 }, async () => {
    await convertInto(join(root, "cache"), FREE);
    await hub.mirror([FREE], { out: out() });
    hub.setDir(join(root, "elsewhere"));
    // The original, as if downloaded before: all zero, in a format that another host might serve.
    const spec = await specOf(FREE);
    const [checkpoint] = "checkpoints" in spec.weights ? spec.weights.checkpoints : [];
    const shapes = Object.fromEntries(buildGraph(spec).params.map(({ key, shape }) => [key, shape]));
    const { path } = placeOf(await ensureDirs(), checkpoint!.url);
    writeEmptySafetensors(path, officialKeys(checkpoint!, shapes, spec));
    vi.stubEnv("SSL_HUB_MIRROR", pathToFileURL(out()).href);
    vi.stubEnv("SSL_HUB_OFFLINE", "1");
    const folder = await hub.pull(FREE, { representation: "tokens", onProgress });
    expect(await hub.readArtifact(folder)).toMatchObject({ representation: "tokens", z_shape: [196, 384] });
    expect(warnings).toEqual([expect.stringMatching(/^MIRROR .*is skipped for dino_vitS16\.tokens/)]);
  });

  it("that an architecture does not offer fail where they were asked of it by name, and stop nothing", async () => {
    await convertInto(join(root, "cache"), FREE, { dtype: "float16" });
    vi.stubEnv("SSL_HUB_OFFLINE", "1");
    const wrong = await hub.mirror([FREE], { out: out(), representation: "map" });
    expect(wrong).toMatchObject([{ state: "failed", reason: expect.stringMatching(/offers cls, avg/) }]);
    const halves = await hub.mirror(["dino_vitB16", FREE], { out: out(), dtype: "float16" });
    expect(halves.map(({ archive, state }) => [archive, state])).toEqual([
      ["dino_vitB16", "failed"],
      [`${FREE}.float16`, "made"],
    ]);
    const all = await hub.mirror([], { out: out(), representation: "4xcls", imageSize: 448, includeRestricted: true });
    const of = (name: string) => all.find((result) => result.name === name)!;
    expect(of("clip_rn50")).toMatchObject({
      state: "skipped",
      reason: expect.stringMatching(/no representation "4xcls"/),
    });
    expect(of("lossyless_vitb32_b001")).toMatchObject({
      state: "skipped",
      reason: expect.stringMatching(/compressor/),
    });
    expect(of("dino_vitS8_last")).toMatchObject({ state: "failed", reason: expect.stringMatching(/SSL_HUB_OFFLINE/) });
  });

  it("a hub.pack of one has its name", async () => {
    await convertInto(join(root, "cache"), FREE, VARIANT);
    const { path } = await hub.pack(FREE, out(), VARIANT);
    expect(path).toBe(join(out(), `${ARCHIVE}.tar.gz`));
  });
});

describe("licences", () => {
  it("what its licence does not let everybody pass on is refused unless told, and marked then", async () => {
    await convertInto(join(root, "cache"), RESTRICTED);
    const [refused] = await hub.mirror([RESTRICTED], { out: out() });
    expect(refused).toMatchObject({ state: "restricted", license: "CC-BY-NC-4.0", file: null });
    expect(refused!.reason).toMatch(/non-commercial/);
    expect(await readdir(out())).toEqual([]);
    const [made] = await hub.mirror([RESTRICTED], { out: out(), includeRestricted: true });
    expect(made?.state).toBe("made");
    const { models } = JSON.parse(await readFile(join(out(), "index.json"), "utf8"));
    expect(models[RESTRICTED].restricted).toMatch(/non-commercial/);
    expect(await readFile(join(out(), "index.html"), "utf8")).toContain("(restricted)");
  });

  it.each([
    ["MIT", true],
    ["Apache-2.0", true],
    ["BSD-3-Clause", true],
    ["CC-BY-4.0", true],
    ["CC-BY-SA-4.0", true],
    ["CC-BY-NC-4.0", false],
    ["CC-BY-NC-SA-4.0", false],
    ["CC-BY-ND-4.0", false],
    ["LicenseRef-Meta-Research", false],
    [null, false],
  ])("%s may be passed on: %s", (license, allowed) => {
    expect(redistributionLimit(license) === undefined).toBe(allowed);
  });
});

describe("going on after a kill", () => {
  it("keeps what is whole, makes anew what is not, and sweeps what a dead process left", async () => {
    const folder = await convertInto(join(root, "cache"), FREE);
    await hub.mirror([FREE], { out: out() });
    const dead = newOwner().replace(/^\d+/, "999999999");
    await writeFile(join(out(), `.${dead}.tar.gz`), "half");
    await writeFile(join(out(), `.${newOwner()}.tar.gz`), "of a running process");
    // Nothing of the model is needed for what is kept.
    await rm(folder, { recursive: true });
    vi.stubEnv("SSL_HUB_OFFLINE", "1");
    expect(await hub.mirror([FREE], { out: out() })).toMatchObject([{ state: "kept" }]);
    expect((await readdir(out())).filter((name) => name.startsWith("."))).toHaveLength(1);
    // Killed between archive and hash: made anew.
    await rm(join(out(), `${FREE}.tar.gz.sha256`));
    await convertInto(join(root, "cache"), FREE);
    expect(await hub.mirror([FREE], { out: out() })).toMatchObject([{ state: "made" }]);
  });

  it("a model that cannot be had is told of and does not stop the others", async () => {
    await convertInto(join(root, "cache"), FREE);
    vi.stubEnv("SSL_HUB_OFFLINE", "1");
    const results = await hub.mirror(["dino_vitB16", FREE, "tiny_ssl"], { out: out() });
    expect(results.map(({ state }) => state)).toEqual(["failed", "made", "skipped"]);
    expect(results[0]!.reason).toMatch(/SSL_HUB_OFFLINE/);
  });

  it("two at a time lose no entry of the index", async () => {
    const names = ["dino_vitS16", "dino_vitB16", "dino_vitS8_last", "dino_rn50"] as const;
    for (const name of names) await convertInto(join(root, "cache"), name);
    await Promise.all(names.map((name) => hub.mirror([name], { out: out() })));
    const { models } = JSON.parse(await readFile(join(out(), "index.json"), "utf8"));
    expect(Object.keys(models)).toEqual([...names].sort());
  });

  it("leaves a folder alone whose index is another's", async () => {
    await mkdir(out());
    await writeFile(join(out(), "index.json"), '{"models": [1]}');
    await expect(hub.mirror([FREE], { out: out() })).rejects.toMatchObject({ code: "METADATA" });
    expect(await readdir(out())).toEqual(["index.json"]);
  });
});
