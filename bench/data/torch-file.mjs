// A torch checkpoint of a ResNet-50 as torch.save writes it: a stored zip of a pickle and one file a storage.
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { uniform } from "./rng.mjs";

/** Keys and shapes of torchvision's ResNet-50 trunk with MoCo v2's head. */
function* parameters() {
  const conv = (key, out, input, k) => ({ key: `${key}.weight`, shape: [out, input, k, k] });
  const bn = (key, n) =>
    ["weight", "bias", "running_mean", "running_var"].map((part) => ({ key: `${key}.${part}`, shape: [n] }));
  yield conv("conv1", 64, 3, 7);
  yield* bn("bn1", 64);
  let input = 64;
  for (const [stage, blocks] of [3, 4, 6, 3].entries()) {
    const width = 64 << stage;
    for (let block = 0; block < blocks; block++) {
      const at = `layer${stage + 1}.${block}`;
      for (const [i, [out, from, k]] of Object.entries([
        [width, input, 1],
        [width, width, 3],
        [4 * width, width, 1],
      ])) {
        yield conv(`${at}.conv${Number(i) + 1}`, out, from, k);
        yield* bn(`${at}.bn${Number(i) + 1}`, out);
      }
      if (block === 0) {
        yield conv(`${at}.downsample.0`, 4 * width, input, 1);
        yield* bn(`${at}.downsample.1`, 4 * width);
      }
      input = 4 * width;
    }
  }
  for (const [i, out] of [
    [0, 2048],
    [2, 128],
  ]) {
    yield { key: `fc.${i}.weight`, shape: [out, 2048] };
    yield { key: `fc.${i}.bias`, shape: [out] };
  }
}

/** Writes the layout of mocov2_rn50_ep800, `{ state_dict: { "module.encoder_q.conv1.weight": ... } }`, random weights. */
export async function writeCheckpoint(path) {
  const tensors = [...parameters()].map(({ key, shape }) => ({ key: `module.encoder_q.${key}`, shape }));
  const zip = zipWriter(path);
  await zip.add("archive/data.pkl", pickle(tensors));
  await zip.add("archive/version", Buffer.from("3\n"));
  const next = uniform(1);
  for (const [i, { key, shape }] of tensors.entries()) {
    // Sums of a hundred layers must stay finite: small weights, variances near 1.
    const [low, high] = key.endsWith("running_var") ? [0.5, 1.5] : [-0.05, 0.05];
    const values = new Float32Array(count(shape)).map(() => low + (high - low) * next());
    await zip.add(`archive/data/${i}`, Buffer.from(values.buffer));
  }
  return { bytes: await zip.close(), tensors: tensors.length };
}

const count = (shape) => shape.reduce((a, b) => a * b, 1);

/** Protocol 2, the opcodes that torch.save uses for a dict of a dict of tensors, without memo. */
function pickle(tensors) {
  const int = (n) => {
    const bytes = Buffer.alloc(5, "J");
    bytes.writeInt32LE(n, 1);
    return bytes;
  };
  const text = (s) => {
    const length = Buffer.alloc(5, "X");
    length.writeUInt32LE(Buffer.byteLength(s), 1);
    return Buffer.concat([length, Buffer.from(s)]);
  };
  const tuple = (items) => Buffer.concat([Buffer.from("("), ...items, Buffer.from("t")]);
  const global = (module, name) => Buffer.from(`c${module}\n${name}\n`);
  const orderedDict = Buffer.concat([global("collections", "OrderedDict"), Buffer.from(")R")]);
  const tensor = ({ shape }, i) => {
    const stride = shape.map((_, axis) => count(shape.slice(axis + 1)));
    const kind = global("torch", "FloatStorage");
    const storage = tuple([text("storage"), kind, text(String(i)), text("cpu"), int(count(shape))]);
    const args = [storage, Buffer.from("Q"), int(0), tuple(shape.map(int)), tuple(stride.map(int))];
    return [global("torch._utils", "_rebuild_tensor_v2"), tuple([...args, Buffer.from([0x89]), orderedDict]), "R"];
  };
  const entries = tensors.flatMap((entry, i) => [text(entry.key), ...tensor(entry, i)]);
  const parts = [
    "\x80\x02}",
    "(",
    text("epoch"),
    int(800),
    text("state_dict"),
    orderedDict,
    "(",
    ...entries,
    "u",
    "u.",
  ];
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)));
}

/** Stored entries, less than 4 GiB in all. */
function zipWriter(path) {
  const file = createWriteStream(path);
  const directory = [];
  let offset = 0;
  const write = async (bytes) => {
    offset += bytes.length;
    if (!file.write(bytes)) await new Promise((resolve) => file.once("drain", resolve));
  };
  const header = (signature, before, name, bytes, after) => {
    const fixed = [...before, 0, 0, 0, 33].flatMap((n) => [n & 255, n >> 8]); // flags, method, time, date
    const sizes = Buffer.alloc(16);
    for (const [i, n] of [crc32(bytes), bytes.length, bytes.length].entries()) sizes.writeUInt32LE(n, 4 * i);
    sizes.writeUInt16LE(name.length, 12);
    return Buffer.concat([Buffer.from(signature), Buffer.from(fixed), sizes, after, Buffer.from(name)]);
  };
  return {
    add: async (name, bytes) => {
      const place = Buffer.alloc(14);
      place.writeUInt32LE(offset, 10);
      directory.push(header("PK\x01\x02", [20, 20], name, bytes, place));
      await write(header("PK\x03\x04", [20], name, bytes, Buffer.alloc(0)));
      await write(bytes);
    },
    close: async () => {
      const start = offset;
      for (const entry of directory) await write(entry);
      const end = Buffer.alloc(22);
      end.write("PK\x05\x06", "latin1");
      for (const at of [8, 10]) end.writeUInt16LE(directory.length, at);
      end.writeUInt32LE(offset - start, 12);
      end.writeUInt32LE(start, 16);
      await write(end);
      file.end();
      await finished(file);
      return offset;
    },
  };
}
