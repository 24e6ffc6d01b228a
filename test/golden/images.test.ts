import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extract } from "tar";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Transform } from "../../src/core/spec.ts";
import type { Filter, Pixels } from "../../src/images/index.ts";
import { applyTransforms, centerCrop, decode, resize, resizeShort } from "../../src/images/index.ts";
import { digest, golden, type Input, load, makeInput, title } from "../support/golden-images.ts";
import { hasShared, shared } from "../support/shared.ts";

/** PIL decodes these and we refuse them: no JPEG 2000 decoder among our packages. */
const UNREACHABLE = new Set(["sharp/relax.jp2", "sharp/relax_tileparts.jp2"]);

const archive = shared("data/third-party/images.tgz");

interface DecodeCase {
  file: string;
  source: "decode-files" | "images.tgz";
  expect: "rgb" | "error";
  rgb_size: [number, number];
  rgb_sha256: string;
}

const decodeCases: DecodeCase[] = load("decode.json").cases;
const of = (source: DecodeCase["source"]) =>
  decodeCases.filter((c) => c.source === source).map((c) => [c.file, c] as const);

async function check(path: string, want: DecodeCase): Promise<void> {
  if (want.expect === "error" || UNREACHABLE.has(want.file)) {
    await expect(decode(path)).rejects.toMatchObject({ code: "IMAGE", message: expect.stringContaining(path) });
    return;
  }
  const got = await decode(path);
  expect([got.width, got.height]).toEqual(want.rgb_size);
  expect(digest(got.data)).toBe(want.rgb_sha256);
}

describe.skipIf(!hasShared)(title("decode-files as PIL 9.4", hasShared), () => {
  test.each(of("decode-files"))("%s", (file, want) => check(golden(`decode-files/${file}`), want));
});

const hasArchive = hasShared && existsSync(archive);
describe.skipIf(!hasArchive)(title("third-party images as PIL 9.4", hasArchive), () => {
  let folder = "";
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "ssl-hub-images-"));
    await extract({ file: archive, cwd: folder });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  test.each(of("images.tgz"))("%s", (file, want) => check(join(folder, "images", file), want));
});

interface ResizeCase {
  id: string;
  op: "resize" | "resize-short" | "center-crop";
  input: string;
  size: [number, number];
  filter: Filter;
  short: number;
  max_size?: number;
  crop: number | { h: number; w: number };
  out: [number, number];
  sha256: string;
}

function runResize(image: Pixels, c: ResizeCase): Pixels {
  if (c.op === "resize") return resize(image, ...c.size, c.filter);
  if (c.op === "resize-short") return resizeShort(image, c.short, c.filter, c.max_size);
  return centerCrop(image, typeof c.crop === "number" ? c.crop : { height: c.crop.h, width: c.crop.w });
}

describe.skipIf(!hasShared)(title("resize and crop as PIL 9.4 and torchvision 0.14", hasShared), () => {
  const { inputs, cases } = load("resize.json") as { inputs: Record<string, Input>; cases: ResizeCase[] };
  test.each(cases.map((c) => [`${c.id}: ${c.op} ${c.filter ?? ""} of ${c.input}`, c] as const))("%s", async (_, c) => {
    const got = runResize(await makeInput(c.input, inputs[c.input]!), c);
    expect([got.width, got.height]).toEqual(c.out);
    expect(digest(got.data)).toBe(c.sha256);
  });
});

interface PipelineFile {
  inputs: Record<string, Input>;
  pipelines: { id: string; steps: Record<string, unknown>[] }[];
  cases: { pipeline: string; input: string; hwc_f32le_sha256: string }[];
}

/** The steps that change pixels; ToTensor is part of our normalize. */
function transforms(steps: Record<string, unknown>[]): Transform[] {
  return steps.flatMap((s): Transform[] => {
    if (s.op === "Resize")
      return [{ op: "resize", size: s.size as number, interpolation: s.interpolation as "bilinear" }];
    if (s.op === "CenterCrop") return [{ op: "centerCrop", size: (s.size as number[])[0]! }];
    const { mean, std } = s as { mean: [number, number, number]; std: [number, number, number] };
    return s.op === "Normalize" ? [{ op: "normalize", mean, std }] : [];
  });
}

describe.skipIf(!hasShared)(title("the hub's evaluation pipelines as torchvision 0.14", hasShared), () => {
  const { inputs, pipelines = [], cases } = load("pipeline.json") as PipelineFile;
  const steps = new Map(pipelines.map((p) => [p.id, transforms(p.steps)]));
  test.each(cases)("$pipeline of $input", async ({ pipeline, input, hwc_f32le_sha256 }) => {
    const got = applyTransforms(await makeInput(input, inputs[input]!), steps.get(pipeline)!);
    expect(digest(got)).toBe(hwc_f32le_sha256);
  });
});
