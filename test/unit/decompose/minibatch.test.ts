import { describe, expect, it } from "vitest";
import { rng } from "../../../src/core/rng.ts";
import { inMemory } from "../../../src/decompose/features.ts";
import { trainEvalProbe } from "../../../src/decompose/probe.ts";
import { shuffledBatches } from "../../../src/decompose/probes/batches.ts";
import { inFloat64, lossAndGradients, newNetwork, parametersOf } from "../../../src/decompose/probes/network.ts";
import { halfToEven, stepSizes } from "../../../src/decompose/probes/schedules.ts";
import { fitNetwork, MINIMAL_PROBE, mlp, sgd } from "../../../src/decompose/probes/sgd.ts";
import { isTest, problemOf, rowsOf } from "./problems.ts";

const problem = problemOf({ seed: 17, n: 700, d: 8, K: 3, sep: 1.2 });
const setOf = ({ x, y, d, k }: typeof problem) =>
  inMemory(x, y, { dim: d, classes: Array.from({ length: k }, (_, c) => `class ${c}`) });
const train = setOf(rowsOf(problem, (i) => !isTest(i)));
const test = setOf(rowsOf(problem, isTest));

describe("gradients are those of the loss", () => {
  it.each([
    { hidden: 0, batchNorm: false },
    { hidden: 0, batchNorm: true },
    { hidden: 5, batchNorm: false },
    { hidden: 5, batchNorm: true },
  ])("$hidden hidden units, batch norm $batchNorm", async (shape) => {
    const { normal } = rng(1);
    const { x, y, d, k } = rowsOf(problem, (i) => i < 60);
    const net = newNetwork({ d, k, ...shape }, () => 0.3 * normal());
    const all = parametersOf(net);
    for (const part of all) for (let i = 0; i < part.length; i++) part[i]! += 0.1 * normal();
    const loss = async () => (await lossAndGradients(net, { x, y }, inFloat64)).loss;
    const { gradients } = await lossAndGradients(net, { x, y }, inFloat64);
    expect(gradients.map((g) => g.length)).toEqual(all.map((part) => part.length));
    for (const [p, part] of all.entries()) {
      for (const i of [0, part.length >> 1, part.length - 1]) {
        const kept = part[i]!;
        part[i] = kept + 1e-5;
        const above = await loss();
        part[i] = kept - 1e-5;
        const below = await loss();
        part[i] = kept;
        expect(Math.abs((above - below) / 2e-5 - gradients[p]![i]!)).toBeLessThan(1e-8);
      }
    }
  });
});

describe("shuffledBatches", () => {
  const many = inMemory(
    Float32Array.from({ length: 2000 * 2 }, (_, at) => at >> 1),
    Int32Array.from({ length: 2000 }, (_, i) => i % 7),
    { dim: 2, classes: ["a", "b", "c", "d", "e", "f", "g"] },
  );
  const rowsOfEpoch = async (seed: number, epoch: number, windowBytes?: number) => {
    const rows: number[] = [];
    const sizes: number[] = [];
    for await (const { x, y } of shuffledBatches(many, { batchSize: 300, windowBytes })(seed, epoch)) {
      sizes.push(y.length);
      y.forEach((label, i) => {
        expect(label).toBe(x[2 * i]! % 7);
        rows.push(x[2 * i]!);
      });
    }
    expect(sizes).toEqual([300, 300, 300, 300, 300, 300, 200]);
    return rows;
  };

  it.each([undefined, 5000])("gives every row once an epoch, in windows of %s bytes", async (windowBytes) => {
    const first = await rowsOfEpoch(1, 0, windowBytes);
    expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 2000 }, (_, i) => i));
    expect(await rowsOfEpoch(1, 0, windowBytes)).toEqual(first);
    expect(await rowsOfEpoch(1, 1, windowBytes)).not.toEqual(first);
    expect(await rowsOfEpoch(2, 0, windowBytes)).not.toEqual(first);
    const neighbours = first.filter((row, i) => row === first[i - 1]! + 1).length;
    expect(neighbours).toBeLessThan(20);
  });
});

describe("sgd and mlp", () => {
  it.each(["sgd", "adam", "lars"] as const)("%s learns, with and without batch norm", async (optimizer) => {
    for (const batchNorm of [false, true]) {
      const lr = optimizer === "lars" ? 20 : 0.3;
      const probe = sgd({ optimizer, batchNorm, lr, batchSize: 64, epochs: 20 });
      expect((await trainEvalProbe(train, test, { probe })).accuracy).toBeGreaterThan(80);
    }
  });

  it("the paper's short recipe learns", async () => {
    expect((await trainEvalProbe(train, test, { probe: sgd(MINIMAL_PROBE) })).accuracy).toBeGreaterThan(70);
  });

  it("a hidden layer separates what no line does", async () => {
    const { uniform } = rng(3);
    const x = Float32Array.from({ length: 2 * 800 }, () => 2 * uniform() - 1);
    const y = Int32Array.from({ length: 800 }, (_, i) => (x[2 * i]! * x[2 * i + 1]! > 0 ? 1 : 0));
    const set = inMemory(x, y, { dim: 2, classes: ["off", "on"] });
    const fit = { batchSize: 64, epochs: 60 };
    expect((await trainEvalProbe(set, set, { probe: sgd(fit) })).accuracy).toBeLessThan(70);
    expect((await trainEvalProbe(set, set, { probe: mlp({ ...fit, hidden: 32 }) })).accuracy).toBeGreaterThan(95);
  });

  it("is the same to the bit with the same seed, and another with another", async () => {
    const weights = async (seed: number, products: "engine" | "float64") => {
      const options = { batchSize: 100, epochs: 4, batchNorm: true, products };
      return (await fitNetwork(train, options, { seed })).network.layers[0]!.weight;
    };
    for (const products of ["engine", "float64"] as const) {
      expect(await weights(1, products)).toEqual(await weights(1, products));
      expect(await weights(2, products)).not.toEqual(await weights(1, products));
    }
  });

  it("multiplies the epochs for a part of the training set", async () => {
    const steps = async (nTrain?: number) =>
      (await fitNetwork(train, { epochs: 3, batchSize: 600, nTrain }, { seed: 0 })).steps;
    expect(await steps()).toBe(3);
    expect(await steps(train.n * 6)).toBe(6);
    expect(await steps(train.n / 2)).toBe(3);
  });

  it("refuses options out of range", () => {
    expect(() => sgd({ lr: 0 })).toThrow(/lr must be a number > 0, not 0/);
    expect(() => sgd({ epochs: 1.5 })).toThrow(/epochs must be a whole number/);
    expect(() => sgd({ weightDecay: -1 })).toThrow(/weightDecay must be a number >= 0/);
  });

  it("stops when the signal says so", async () => {
    const signal = AbortSignal.abort(new Error("stop"));
    await expect(trainEvalProbe(train, test, { probe: "sgd", signal })).rejects.toThrow("stop");
  });
});

describe("schedules", () => {
  it("round as Python does", () => {
    expect([0.5, 1.5, 2.5, 2.4, 2.6].map(halfToEven)).toEqual([0, 2, 2, 2, 3]);
  });

  it("start with the cosine when there is no room for a warm-up", () => {
    expect(Array.from(stepSizes("warmup-cosine", 5))).toEqual(Array.from(stepSizes("cosine", 5)));
    expect(stepSizes("warmup-cosine", 25)[1]).toBe(1);
  });
});
