import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { node, python } from "../children.mjs";
import { writeCheckpoint } from "../data/torch-file.mjs";
import { CPU, PEAK, TIME } from "../metrics.mjs";
import { race } from "../rounds.mjs";

const PEER = "torch.load";
const ABOUT = `A full-size ResNet-50 checkpoint in the layout of mocov2_rn50_ep800 (torch zip), in a new process each time, the file
in the page cache. \`convert\` reads, hashes the file (SHA-256), folds batch norm, writes the TF.js folder and hashes its
shards. \`read\` reads every tensor into memory, as \`torch.load(map_location="cpu")\` does. Loading the libraries is not in
the times; it is in the peak, and not in its rise.`;

export default async function convert({ dir, rounds, log }) {
  const file = join(dir, "moco_v2_800ep_pretrain.pth.tar");
  const { bytes, tensors } = await writeCheckpoint(file);
  const clean = async () => {
    for (const name of await readdir(dir)) {
      if (name.startsWith("converted-")) await rm(join(dir, name), { recursive: true });
    }
  };
  const contenders = [
    { name: "convert", ours: true, against: [PEER], start: node("ours/convert.mjs", ["convert"]) },
    { name: "read", ours: true, against: [PEER], start: node("ours/convert.mjs", ["read"]) },
    { name: PEER, start: python("peers/convert.py") },
  ];
  const cases = [{ name: `${Math.round(bytes / 1e6)} MB, ${tensors} tensors`, job: { file, dir } }];
  const rows = await race(contenders, cases, { rounds, log, fresh: true });
  await clean();
  await rm(file);
  return {
    title: "a checkpoint, beside torch.load",
    about: ABOUT,
    metrics: [TIME, CPU, PEAK, { key: "rise", label: "its rise", unit: "MiB", ratio: "rise" }],
    rows,
  };
}
