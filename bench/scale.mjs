// node bench/scale.mjs [--n 128116] [--d 2048] [--k 1000] [--dir DIR] [--passes 3] [--epochs 1] [--stages read,sgd]: features larger
// than memory. Makes them on disk, then reads them, takes statistics, runs passes of the streamed logistic probe, and fits the
// mini-batch probe to its end and predicts all rows, each in a process of its own. ImageNet's are --n 1281167 (10.5 GB).
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    n: { type: "string", default: "128116" },
    d: { type: "string", default: "2048" },
    k: { type: "string", default: "1000" },
    passes: { type: "string", default: "3" },
    epochs: { type: "string", default: "1" },
    stages: { type: "string" },
    dir: { type: "string" },
    stage: { type: "string" },
  },
});
const [n, d, k, passes, epochs] = [values.n, values.d, values.k, values.passes, values.epochs].map(Number);
const ROWS = 16_384;

const STAGES = {
  async read(features) {
    let sum = 0;
    for (let start = 0; start < features.n; start += 4096) {
      const rows = await features.rows(start, Math.min(features.n, start + 4096));
      for (let i = 0; i < rows.length; i += 1024) sum += rows[i];
    }
    return { sum };
  },
  async statistics(features, { featureStatistics }) {
    const { rank, rank_Z, nc1, uniformity } = await featureStatistics(features);
    return { rank, rank_Z, nc1, uniformity };
  },
  async probe(features, { streamedLogistic }) {
    // Evaluations of loss and gradient: a fit is some tens to hundreds of these.
    const controller = new AbortController();
    const marks = [performance.now()];
    const onProgress = ({ done }) => {
      marks.push(performance.now());
      if (done >= passes) controller.abort(new Error("enough"));
    };
    await streamedLogistic(features, { C: 1 / features.n, signal: controller.signal, onProgress }).catch((error) => {
      if (error.message !== "enough") throw error;
    });
    return { secondsAPass: marks.slice(1).map((mark, i) => ((mark - marks[i]) / 1000).toFixed(1)) };
  },
  async sgd(features, { sgd }) {
    const started = performance.now();
    const fitted = await sgd({ epochs }).fit(features, { seed: 0 });
    const fitSeconds = ((performance.now() - started) / 1000).toFixed(1);
    const predicted = await fitted.predict(features);
    const wrong = features.labels.reduce((sum, label, i) => sum + Number(label !== predicted[i]), 0);
    fitted.dispose();
    return { epochs, fitSeconds, trainError: (100 * wrong) / features.n };
  },
};

if (values.stage) {
  const decompose = await import("ssl-hub/decompose");
  const features = await decompose.openFeatures(values.dir);
  const started = performance.now();
  const before = process.cpuUsage();
  const result = await STAGES[values.stage](features, decompose);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const { user, system } = process.cpuUsage(before);
  const cpuSeconds = ((user + system) / 1e6).toFixed(1);
  const megabytes = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(JSON.stringify({ stage: values.stage, seconds, cpuSeconds, peakRssMB: megabytes, ...result }));
  process.exit(0);
}

const dir = values.dir ?? (await mkdtemp(join(tmpdir(), "ssl-hub-scale-")));
try {
  console.log(`${n} x ${d} float32, ${k} classes: ${((n * d * 4) / 1e9).toFixed(2)} GB`);
  await generate(dir);
  for (const stage of values.stages?.split(",") ?? Object.keys(STAGES)) await runStage(stage);
} finally {
  if (values.dir === undefined) await rm(dir, { recursive: true, force: true });
}

function runStage(stage) {
  const args = [
    fileURLToPath(import.meta.url),
    "--stage",
    stage,
    "--dir",
    dir,
    "--passes",
    values.passes,
    "--epochs",
    values.epochs,
  ];
  return new Promise((resolve, reject) => {
    spawn(process.execPath, args, { stdio: "inherit" }).on("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`${stage} failed`)),
    );
  });
}

/** Class means plus noise, not negative; written as `ssl-hub featurize` writes them. */
async function generate(folder) {
  await mkdir(folder, { recursive: true });
  let state = 12345;
  const noise = new Float32Array(1 << 20);
  for (let i = 0; i < noise.length; i++) {
    let sum = -3;
    for (let j = 0; j < 6; j++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      sum += state / 2 ** 32;
    }
    noise[i] = sum;
  }
  const means = Float32Array.from({ length: k * d }, (_, i) => noise[(i * 7919) % noise.length]);
  const shards = [];
  for (let start = 0; start < n; start += ROWS) {
    const rows = Math.min(ROWS, n - start);
    const file = `${String(shards.length).padStart(5, "0")}.safetensors`;
    await writeShard(join(folder, file), start, rows, means, noise);
    shards.push({ file, rows });
  }
  const classes = Array.from({ length: k }, (_, c) => String(c));
  const manifest = { format: 1, key: "generated", n, dim: d, classes, shards, errors: [] };
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
}

async function writeShard(path, start, rows, means, noise) {
  const end = rows * d * 4;
  const tensors = {
    features: { dtype: "F32", shape: [rows, d], data_offsets: [0, end] },
    labels: { dtype: "I32", shape: [rows], data_offsets: [end, end + rows * 4] },
  };
  let header = JSON.stringify(tensors);
  header = header.padEnd(Math.ceil(header.length / 8) * 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = await open(path, "w");
  try {
    await file.write(Buffer.concat([length, Buffer.from(header)]));
    const labels = new Int32Array(rows);
    const row = new Float32Array(d * 256);
    for (let at = 0; at < rows; at += 256) {
      const count = Math.min(256, rows - at);
      for (let i = 0; i < count; i++) {
        const label = (start + at + i) % k;
        labels[at + i] = label;
        const offset = ((start + at + i) * 104729) % (noise.length - d);
        for (let j = 0; j < d; j++) row[i * d + j] = Math.max(0, 0.5 * means[label * d + j] + noise[offset + j]);
      }
      await file.write(new Uint8Array(row.buffer, 0, count * d * 4));
    }
    await file.write(new Uint8Array(labels.buffer));
  } finally {
    await file.close();
  }
}
