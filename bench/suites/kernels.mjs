import { join } from "node:path";
import { node } from "../children.mjs";
import { CPU_PER_IMAGE, RATE } from "../metrics.mjs";
import { race } from "../rounds.mjs";

const ABOUT = `The wasm engine on one thread with ssl-hub's kernels and joined nodes, beside TF.js's kernels on the graph as it
is stored (\`SSL_HUB_KERNELS\`: off, simd, relaxed). Random weights, 224 x 224, input ready in memory.`;

export default async function kernels({ dir, quick, rounds, log }) {
  const cache = join(dir, "cache");
  const with_ = (choice) => node("ours/forward.mjs", ["wasm", "predict", cache], { SSL_HUB_KERNELS: choice });
  const stock = "TF.js's kernels";
  const contenders = [
    { name: "ours, relaxed SIMD", ours: true, against: [stock], start: with_("relaxed") },
    { name: "ours, SIMD", ours: true, against: [stock], start: with_("simd") },
    { name: stock, start: with_("off") },
  ];
  const cases = ["init_rn50", "init_vitS16"].flatMap((model) =>
    [1, 8].map((batch) => ({
      name: `${model}, batch ${batch}`,
      job: { hubName: model, batch, ms: quick ? 300 : 1500 },
    })),
  );
  return {
    title: "the wasm engine's kernels",
    about: ABOUT,
    metrics: [RATE, CPU_PER_IMAGE],
    rows: await race(contenders, cases, { rounds: Math.min(rounds, 5), log }),
  };
}
