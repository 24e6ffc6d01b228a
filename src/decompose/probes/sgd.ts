import type { Job } from "../../core/events.ts";
import { rng } from "../../core/rng.ts";
import { eachBlock } from "../blocks.ts";
import type { FeatureSet, Probe } from "../types.ts";
import { shuffledBatches } from "./batches.ts";
import { predictLinear } from "./linear.ts";
import {
  classesOf,
  inFloat64,
  linearOf,
  lossAndGradients,
  type Multiplier,
  type Network,
  newNetwork,
  onEngine,
  parametersOf,
} from "./network.ts";
import { type OptimizerName, optimizer } from "./optimizers.ts";
import { halfToEven, type Schedule, stepSizes } from "./schedules.ts";

export interface SgdOptions {
  /** Step size for a batch of 256: the step is `lr * batch / 256`, for Adam a hundredth of that. Default 0.3. */
  lr?: number;
  /** Default "sgd": momentum 0.9. */
  optimizer?: OptimizerName;
  /** Default "warmup-cosine". */
  schedule?: Schedule;
  /** L2 penalty of all parameters. Default 1e-6. */
  weightDecay?: number;
  /** Rows of a batch; all rows where there are fewer. Default 2048. */
  batchSize?: number;
  /** Batch norm in front of the first layer. Default false. */
  batchNorm?: boolean;
  /** Passes over the data. Default 100. */
  epochs?: number;
  /**
   * Rows of the whole training set, when the probe is fitted on a part of it: the epochs are multiplied by
   * `max(1, round(sqrt(nTrain / n)))`, as in the paper's protocol. Default: no more epochs.
   */
  nTrain?: number;
  /** Units of a hidden layer; 0 for a linear probe. Default 0. */
  hidden?: number;
  /** Added to Adam's denominator. Default 1e-4, as the paper's protocol. */
  epsilon?: number;
  /**
   * How weights are drawn; biases are 0. "normal" (default): standard deviation 0.02, the paper's; "kaiming": uniform of
   * variance 1 / (3 inputs), as PyTorch's Linear layer.
   */
  init?: "normal" | "kaiming";
  /** Where products run: "engine" in float32, "float64" in JavaScript, "auto" (default) the engine for large batches. */
  products?: "auto" | "float64" | "engine";
}

/** What the paper's full-shot protocol takes when nothing is tuned. */
export const SGD_DEFAULTS = {
  lr: 0.3,
  optimizer: "sgd",
  schedule: "warmup-cosine",
  weightDecay: 1e-6,
  batchSize: 2048,
  batchNorm: false,
  epochs: 100,
  hidden: 0,
  init: "normal",
} as const satisfies SgdOptions;

/** The probe of the paper's short program: one Adam recipe, 100 epochs, step 0.016. */
export const MINIMAL_PROBE: SgdOptions = {
  lr: 0.1,
  optimizer: "adam",
  schedule: "cosine",
  weightDecay: 1e-7,
  batchSize: 4096,
  epsilon: 1e-8,
  init: "kaiming",
};

/** Multiplications of a batch's product from which the engine is used. */
const LARGE = 5e6;

/**
 * A linear probe fitted by mini-batches, as in the paper's full-shot protocol: mean cross-entropy, rows shuffled anew
 * each epoch by the seed, features read from disk as they are needed. The same seed gives the same fit to the bit on the
 * same engine.
 * @throws TypeError when an option is out of range.
 */
export function sgd(options: SgdOptions = {}): Probe {
  checkOptions(options);
  return {
    name: options.hidden ? "mlp" : "sgd",
    async fit(train, { seed, ...job }) {
      const { network, loss, steps, multiplier } = await fitNetwork(train, options, { seed, ...job });
      return {
        predict: (x, later) => predict(network, x, multiplier, later),
        report: { loss, gradientNorm: null, iterations: steps },
        dispose() {},
      };
    },
  };
}

/** A probe with a hidden layer of ReLU units and batch norm in front; else as {@link sgd}. */
export function mlp(options: SgdOptions = {}): Probe {
  return sgd({ hidden: 512, batchNorm: true, lr: 0.1, init: "kaiming", ...options });
}

interface NetworkFit {
  network: Network;
  /** Mean loss of the last epoch, taken before each step. */
  loss: number;
  steps: number;
  multiplier: Multiplier;
}

/** Fits the network of {@link sgd}. */
export async function fitNetwork(
  train: FeatureSet,
  options: SgdOptions,
  { seed, signal, onProgress }: { seed: number } & Job,
): Promise<NetworkFit> {
  const { lr, schedule, weightDecay, hidden, epsilon, ...rest } = { epsilon: undefined, ...SGD_DEFAULTS, ...options };
  const batchSize = Math.min(rest.batchSize, train.n);
  const epochs = epochsFor(rest.epochs, train.n, options.nTrain);
  const network = newNetwork(
    { d: train.dim, k: train.classes.length, hidden, batchNorm: rest.batchNorm },
    initializer(rest.init, seed),
  );
  const work = batchSize * train.dim * (hidden || train.classes.length);
  const multiplier = await chooseMultiplier(options.products ?? "auto", work);
  const step = optimizer(rest.optimizer, parametersOf(network), { weightDecay, epsilon });
  const base = ((lr * batchSize) / 256) * (rest.optimizer === "adam" ? 0.01 : 1);
  const batches = shuffledBatches(train, { batchSize, signal });
  let steps = 0;
  let loss = Number.NaN;
  for (const [epoch, size] of stepSizes(schedule, epochs, base).entries()) {
    let sum = 0;
    let rows = 0;
    for await (const batch of batches(seed, epoch)) {
      signal?.throwIfAborted();
      // A row alone has no variance to divide by.
      if (rest.batchNorm && batch.y.length === 1) continue;
      const found = await lossAndGradients(network, batch, multiplier);
      step(found.gradients, size);
      sum += found.loss * batch.y.length;
      rows += batch.y.length;
      steps++;
    }
    loss = sum / rows;
    onProgress?.({ stage: "fit", name: options.hidden ? "mlp" : "sgd", done: epoch + 1, total: epochs, unit: "steps" });
  }
  return { network, loss, steps, multiplier };
}

function epochsFor(epochs: number, n: number, nTrain = n): number {
  return epochs * Math.max(1, halfToEven(Math.sqrt(nTrain / n)));
}

function initializer(init: "normal" | "kaiming", seed: number): (layer: number, inputs: number) => number {
  const draws = [rng(seed, "layer 0"), rng(seed, "layer 1")];
  return init === "normal"
    ? (layer) => 0.02 * draws[layer]!.normal()
    : (layer, inputs) => (2 * draws[layer]!.uniform() - 1) / Math.sqrt(inputs);
}

async function chooseMultiplier(where: "auto" | "float64" | "engine", work: number): Promise<Multiplier> {
  if (where === "float64" || (where === "auto" && work < LARGE)) return inFloat64;
  const { engine } = await import("../../engine/engine.ts");
  return onEngine(await engine());
}

async function predict(network: Network, set: FeatureSet, multiplier: Multiplier, job: Job = {}): Promise<Int32Array> {
  if (network.hidden === 0) return predictLinear(linearOf(network), set, job);
  const out = new Int32Array(set.n);
  await eachBlock(set, job, async (rows, start) => out.set(await classesOf(network, rows, multiplier), start));
  return out;
}

function checkOptions(options: SgdOptions): void {
  const positive = ["lr", "batchSize", "epochs"] as const;
  for (const name of positive) {
    const value = options[name];
    if (value !== undefined && !(value > 0 && value < Infinity))
      throw new TypeError(`sgd: ${name} must be a number > 0, not ${value}`);
  }
  for (const name of ["batchSize", "epochs", "hidden"] as const) {
    const value = options[name];
    if (value !== undefined && !(Number.isInteger(value) && value >= 0))
      throw new TypeError(`sgd: ${name} must be a whole number, not ${value}`);
  }
  const { weightDecay = 0 } = options;
  if (!(weightDecay >= 0 && weightDecay < Infinity)) {
    throw new TypeError(`sgd: weightDecay must be a number >= 0, not ${weightDecay}`);
  }
}
