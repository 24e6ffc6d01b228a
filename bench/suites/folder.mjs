import { availableParallelism } from "node:os";
import { join } from "node:path";
import { node, python } from "../children.mjs";
import { writeOnnx } from "../data/onnx.mjs";
import { writePhotos } from "../data/photos.mjs";
import { CPU_PER_IMAGE, RATE } from "../metrics.mjs";
import { race } from "../rounds.mjs";

const ABOUT = `From JPEG files of about 500 x 375 to features of ResNet-50, all cores, batches of 8: \`model.encode(paths)\`, a DataLoader of
PyTorch with torchvision's transforms and a worker a core, transformers.js' processor and model. All float32.`;

export default async function folder({ dir, quick, rounds, log }) {
  const cores = availableParallelism();
  const paths = await writePhotos(dir, quick ? 32 : 96);
  const onnx = await writeOnnx(join(dir, "onnx"), ["resnet50"]);
  const peers = ["PyTorch, DataLoader", "transformers.js"];
  const ours = (backend) => node("ours/folder.mjs", [backend, join(dir, "cache")]);
  const contenders = [
    { name: "wasm", ours: true, against: peers, start: ours("wasm") },
    { name: "tfjs-node", ours: true, against: peers, start: ours("tfjs-node") },
    { name: peers[0], start: python("peers/folder.py", [String(cores)]) },
    { name: peers[1], start: node("peers/transformers.mjs", [String(cores), onnx]) },
  ];
  const job = { model: "resnet50", paths, batch: 8, ms: quick ? 300 : 2000 };
  return {
    title: "from a folder of JPEGs to features",
    about: ABOUT,
    metrics: [RATE, CPU_PER_IMAGE],
    rows: await race(contenders, [{ name: `${paths.length} JPEGs`, job }], { rounds: Math.min(rounds, 5), log }),
  };
}
