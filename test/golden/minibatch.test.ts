import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  evaluate,
  inFloat64,
  lossAndGradients,
  newNetwork,
  onEngine,
  parametersOf,
} from "../../src/decompose/probes/network.ts";
import { type OptimizerName, optimizer } from "../../src/decompose/probes/optimizers.ts";
import { type Schedule, stepSizes } from "../../src/decompose/probes/schedules.ts";
import { crossEntropy } from "../../src/decompose/probes/softmax.ts";
import { engine } from "../../src/engine/engine.ts";
import { shared } from "../support/shared.ts";
import { isTest, norm12, problemOf, type Recipe, rowsOf } from "../unit/decompose/problems.ts";

interface Steps {
  problem: string;
  weight_seed: number;
  optimizer: OptimizerName;
  step_size: number;
  weight_decay: number;
  batch_norm: boolean;
  trajectory: { loss_before: number; weight_l2: number; bias_l2: number }[];
  weight_first5: number[];
  bias: number[];
  eval_log_loss_test: number;
  eval_correct_test: number;
  bn_running_mean_first3?: number[];
  bn_running_var_first3?: number[];
  bn_gain_first3?: number[];
  bn_bias_first3?: number[];
}

interface Golden {
  problems: Record<string, { params?: Recipe | null }>;
  schedules: Record<string, { epochs: number; base_lr: number; lr_per_epoch: number[] }>;
  optimizer_steps: Steps[];
}

const read = (path: string): Golden => JSON.parse(readFileSync(path, "utf8"));
const bundled = fileURLToPath(new URL("../fixtures/probe/minibatch.json", import.meta.url));
const full = shared("reference/probe-golden.json");

describe("schedules and optimizers, bundled selection", () => checks(read(bundled)));

describe.skipIf(!existsSync(full))("schedules and optimizers, all of ../shared (skipped when absent)", () => {
  checks(existsSync(full) ? read(full) : { problems: {}, schedules: {}, optimizer_steps: [] });
});

/** The reference's names of the schedules. */
const NAMES: Record<string, Schedule> = {
  plain_cosine: "cosine",
  warmup_cosine: "warmup-cosine",
  multistep: "multistep",
};

function checks({ problems, schedules, optimizer_steps }: Golden) {
  for (const [name, { epochs, base_lr, lr_per_epoch }] of Object.entries(schedules)) {
    it(`schedule ${name}`, () => {
      const found = stepSizes(NAMES[name.split(".")[0]!]!, epochs, base_lr);
      expect(found.length).toBe(lr_per_epoch.length);
      for (const [epoch, size] of lr_per_epoch.entries()) expect(Math.abs(found[epoch]! - size)).toBeLessThan(1e-12);
    });
  }
  for (const g of optimizer_steps) {
    const title = `${g.optimizer} on ${g.problem}${g.batch_norm ? " with batch norm" : ""}`;
    // The reference is float64 and asks for 1e-7; float32 products of the engine move the same steps by what they round.
    it(`${title}, float64`, () => checkSteps(problems[g.problem]!.params!, g, 1e-7));
    it(`${title}, engine`, () => checkSteps(problems[g.problem]!.params!, g, 1e-4, true));
  }
}

async function checkSteps(recipe: Recipe, g: Steps, tolerance: number, onTensors = false) {
  const problem = problemOf(recipe);
  const [train, test] = [rowsOf(problem, (i) => !isTest(i)), rowsOf(problem, isTest)];
  const { d, k } = train;
  const net = newNetwork({ d, k, hidden: 0, batchNorm: g.batch_norm }, () => 0);
  for (let c = 0; c < k; c++) {
    for (let j = 0; j < d; j++) net.layers[0]!.weight[j * k + c] = 0.02 * norm12(g.weight_seed, 40, c * d + j);
  }
  const multiplier = onTensors ? onEngine(await engine()) : inFloat64;
  const step = optimizer(g.optimizer, parametersOf(net), { weightDecay: g.weight_decay });
  const { weight, bias } = net.layers[0]!;
  const near = (found: number, wanted: number, scale = Math.abs(wanted)): void => {
    expect(Math.abs(found - wanted)).toBeLessThanOrEqual(tolerance * scale);
  };
  for (const wanted of g.trajectory) {
    const { loss, gradients } = await lossAndGradients(net, train, multiplier);
    near(loss, wanted.loss_before);
    step(gradients, g.step_size);
    near(Math.hypot(...weight), wanted.weight_l2);
    near(Math.hypot(...bias), wanted.bias_l2);
  }
  // Single numbers relative to the length of what they are part of, which for a few of them is all that a float32 keeps.
  const size = onTensors ? Math.hypot(...weight) : 0;
  for (const [j, w] of g.weight_first5.entries()) near(weight[j * k]!, w, Math.max(size, Math.abs(w)));
  const biasSize = onTensors ? Math.hypot(...bias) : 0;
  for (const [c, b] of g.bias.entries()) near(bias[c]!, b, Math.max(biasSize, Math.abs(b)));
  const norms = [
    [net.batchNorm?.runningMean, g.bn_running_mean_first3],
    [net.batchNorm?.runningVar, g.bn_running_var_first3],
    [net.batchNorm?.gain, g.bn_gain_first3],
    [net.batchNorm?.shift, g.bn_bias_first3],
  ] as const;
  for (const [found, wanted] of norms) {
    expect(found === undefined).toBe(wanted === undefined);
    for (const [j, value] of (wanted ?? []).entries())
      near(found![j]!, value, Math.max(onTensors ? 1 : 0, Math.abs(value)));
  }
  const scores = await evaluate(net, test.x, multiplier);
  near(crossEntropy(scores, test.y, k) / test.n, g.eval_log_loss_test);
  let correct = 0;
  test.y.forEach((label, i) => {
    const row = Array.from(scores.subarray(i * k, (i + 1) * k));
    if (row.indexOf(Math.max(...row)) === label) correct++;
  });
  expect(correct).toBe(g.eval_correct_test);
}
