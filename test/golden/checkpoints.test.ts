import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openCheckpoint, type TensorSource } from "../../converters/index.ts";
import { sha256 } from "../../src/core/hash.ts";
import { fixture } from "../support/checkpoint-fixtures.ts";
import { hasShared, shared } from "../support/shared.ts";

interface Expected {
  path: string[];
  tensors: Record<
    string,
    { dtype: string; shape: number[]; sha256Float32: string; first4: (number | string | boolean)[] }
  >;
}
type Table = { files: Record<string, Expected> };

const tableOf = (path: string) => (JSON.parse(readFileSync(path, "utf8")) as Table).files;

const elements = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Every tensor the file's own library told of, bit for bit after a cast to float32. Our readers list no `num_batches_tracked`. */
async function expectParity(source: TensorSource, { path, tensors: told }: Expected): Promise<void> {
  const prefix = path.map((part) => `${part}.`).join("");
  // The developers' table parts the keys of Haiku's nested dictionaries with bars.
  const tensors = Object.fromEntries(Object.entries(told).map(([key, value]) => [key.replaceAll("|", "."), value]));
  const wanted = Object.keys(tensors).filter((key) => !key.endsWith("num_batches_tracked"));
  const names = [...source.names()].filter((name) => name.startsWith(prefix));
  const expected = wanted.map((key) => prefix + key);
  // That table lists only some of the tensors of its Haiku file.
  if (Object.keys(told).some((key) => key.includes("|"))) expect(names).toEqual(expect.arrayContaining(expected));
  else expect(names.sort()).toEqual(expected.sort());
  for (const key of wanted) {
    const { dtype, shape, sha256Float32 } = tensors[key]!;
    expect(source.meta(prefix + key), key).toEqual({ dtype, shape });
    const values = await source.read(prefix + key);
    expect(sha256(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)), key).toBe(sha256Float32);
  }
}

async function check(path: string, expected: Expected): Promise<void> {
  const source = await openCheckpoint(path);
  try {
    await expectParity(source, expected);
  } finally {
    await source.close();
  }
}

describe("checkpoints, read bit for bit", () => {
  for (const [name, expected] of Object.entries(tableOf(fixture("expected.json")))) {
    test(name, () => check(fixture(name), expected));
  }

  const FORMATS: Record<string, TensorSource["format"]> = {
    "training-zip.pth": "torch-zip",
    "training-legacy.pth": "torch-legacy",
    "torchscript.pt": "torchscript",
    "tensors.safetensors": "safetensors",
    "arrays.npz": "npz",
    "haiku.pkl": "haiku",
  };
  for (const [name, format] of Object.entries(FORMATS)) {
    test(`${format}: the walk of docs/checkpoints.md`, async () => {
      const source = await openCheckpoint(fixture(name));
      expect(source.format).toBe(format);
      let count = 0;
      for (const name of source.names()) {
        const { shape } = source.meta(name);
        expect(await source.read(name)).toHaveLength(elements(shape));
        count++;
      }
      expect(count).toBeGreaterThan(3);
      await source.close();
    });
  }
});

describe.skipIf(!hasShared)("the developers' golden checkpoints (skipped where they are absent)", () => {
  const files = hasShared ? Object.entries(tableOf(shared("golden/checkpoints/expected.json"))) : [];
  const real = ["beta1e-01", "beta1e-02", "beta5e-02"].map(
    (beta) => `data/third-party/lossyless/${beta}_factorized_rate.pt`,
  );

  test("are all there", () => expect(files).toHaveLength(8));
  for (const [name, expected] of files) test(name, () => check(shared(`golden/checkpoints/${name}`), expected));

  for (const path of real) {
    test(`${path}, a real file`, async () => {
      const source = await openCheckpoint(shared(path));
      const names = [...source.names()];
      expect(names).toHaveLength(22);
      for (const name of names) expect(await source.read(name)).toHaveLength(elements(source.meta(name).shape));
      await source.close();
    });
  }
});

const WEIGHTS = shared("data/third-party/weights.tgz");

describe.skipIf(!existsSync(WEIGHTS))(
  "real files from the web (skipped where the developers' copies are absent)",
  () => {
    let dir: string;
    let files: string[];
    beforeAll(async () => {
      dir = await mkdtemp(join(tmpdir(), "ssl-hub-weights-"));
      const { x } = await import("tar");
      await x({ file: WEIGHTS, cwd: dir });
      files = (await readdir(dir, { recursive: true })).filter((name) => /\.(pt|pth|th|ckpt)$/.test(name));
    });
    afterAll(() => rm(dir, { recursive: true }));
    const pathOf = (end: string) => join(dir, files.find((name) => name.endsWith(end))!);

    // What PyTorch 1.13 says of them: whole models, a pointer, a file cut off in torch's oldest form.
    const REFUSED: Record<string, string> = {
      "EchoRaven_vqvae_encoder.pth": "__main__.Encoder (byte 2 of encoder/data.pkl",
      "adityaahuja7_cl_tta_pretrained_model.pt":
        "__main__.TestTimeModelMLP_NAL (byte 2 of cl_tta_pretrained_model/data.pkl",
      "git-lfs-pointer_resnet50.pth": "git-LFS pointer",
      "git-lfs-pointer_simclr_model_best.pth": "git-LFS pointer",
      "truncated_resnet18-5c106cde.pth": "tar archive",
    };
    for (const [name, message] of Object.entries(REFUSED)) {
      test(`${name} is refused`, async () => {
        await expect(openCheckpoint(pathOf(name))).rejects.toMatchObject({
          code: "CHECKPOINT",
          message: expect.stringContaining(message),
        });
      });
    }

    test("all others are read whole", async () => {
      const others = files.filter((name) => !Object.keys(REFUSED).some((end) => name.endsWith(end)));
      expect(others.length).toBeGreaterThan(35);
      for (const name of others) {
        const source = await openCheckpoint(join(dir, name));
        for (const key of source.names()) {
          const values = await source.read(key);
          expect(values, `${name} ${key}`).toHaveLength(source.meta(key).shape.reduce((a, b) => a * b, 1));
          expect(values.every(Number.isFinite), `${name} ${key}`).toBe(true);
        }
        await source.close();
      }
    });

    // As torch.load + .float() give them: count of tensors, and one tensor's SHA-256.
    const VALUES: [file: string, count: number, key: string, sha256Float32: string][] = [
      ["facenet_pnet.pt", 13, "conv2.weight", "b85e783a5f632a1232e9fc4cf75ff13e5a41dab5ebea49ebf85033f96dba255e"],
      [
        "resnet20-12fca82f.th",
        97,
        "state_dict.module.layer1.0.conv1.weight",
        "702e1badb0306feb40a9f6c33e6d8e2b2d6e687b8ef1f9e0aee7454f6cd15bd1",
      ],
      [
        "simclr_full_full.pt",
        44,
        "model_state_dict.encoder.backbone.1.block.0.weight",
        "a915bc216ede01e2c213ab05ed51c125c76797090c154279aba206442c27bd7c",
      ],
      [
        "AudioNTT2020-BYOLA-64x96d512.pth",
        22,
        "features.4.weight",
        "85b3a21ce2fbebcde3efc0aab77e052021c1d0d00026c339eaa9002b5805eeb3",
      ],
      [
        "lightning_yawdd-best-epoch=06.ckpt",
        94,
        "state_dict.encoder.lstm.weight_hh_l0",
        "3292b3b6f183ca389676e647e28b0a473845fbd54d0519f848dc9d50567a1345",
      ],
      [
        "maxs-kan_eyes_encoder.pth",
        6,
        "fc_mu.weight",
        "d9e990bba0c85cf146f9abecc0deda765e51046345622edf03f1670542b17f17",
      ],
      [
        "lpips_v0.1_alex.pth",
        5,
        "lin0.model.1.weight",
        "1b21ee01e0de563ae9c7d645f8c40534d878fe5fc00b00cc01a29e3887cb8822",
      ],
    ];
    for (const [file, count, key, hash] of VALUES) {
      test(`${file} has torch's values`, async () => {
        const source = await openCheckpoint(pathOf(file));
        const values = await source.read(key);
        expect([...source.names()]).toHaveLength(count);
        expect(sha256(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))).toBe(hash);
        await source.close();
      });
    }
  },
);
