import { knn } from "../probes/knn.ts";
import { logistic } from "../probes/logistic-probe.ts";
import { ridge } from "../probes/ridge.ts";
import { mlp, type SgdOptions, sgd } from "../probes/sgd.ts";
import type { Probe } from "../types.ts";
import type { Parameters, Space } from "./space.ts";

/** A probe with hyper-parameters, and where to look for them. */
export interface Tunable {
  name: string;
  space: Space;
  /** Points that are tried first, by their names. */
  recipes?: Readonly<Record<string, Parameters>>;
  make(parameters: Parameters): Probe;
}

/** The paper's search space of the full-shot probe. */
const PAPER_SPACE: Space = {
  lr: { kind: "log-uniform", low: 1e-3, high: 1 },
  weightDecay: { kind: "log-uniform", low: 1e-8, high: 2e-4 },
  batchSize: { kind: "power-of-2", low: 9, high: 12 },
  batchNorm: { kind: "choice", values: [true, false] },
  optimizer: { kind: "choice", values: ["adam", "sgd", "lars"] },
  schedule: { kind: "choice", values: ["multistep", "cosine", "warmup-cosine"] },
};

const recipe = (
  lr: number,
  optimizer: NonNullable<SgdOptions["optimizer"]>,
  schedule: NonNullable<SgdOptions["schedule"]>,
  weightDecay: number,
  batchSize: number,
  batchNorm: boolean,
) => ({ lr, optimizer, schedule, weightDecay, batchSize, batchNorm });

/** The recipes that the paper tries first. Its code calls our "cosine" warmcosine, and our "warmup-cosine" cosine. */
const PAPER_RECIPES: Record<string, Parameters> = {
  basic_sgd: recipe(0.3, "sgd", "cosine", 1e-6, 2048, false),
  basic_adam: recipe(0.1, "adam", "multistep", 1e-6, 512, false),
  vissl: recipe(0.01, "sgd", "multistep", 1e-4, 512, true),
  simsiam: recipe(0.02, "lars", "warmup-cosine", 2e-8, 4096, false),
  moco: recipe(0.1, "sgd", "warmup-cosine", 2e-8, 1024, false),
  dino: recipe(0.001, "sgd", "warmup-cosine", 2.1e-8, 1024, false),
  erm: recipe(0.001, "sgd", "warmup-cosine", 2.1e-8, 2048, true),
};

/** How the probes that have a name are tuned. */
export const TUNABLE = {
  sgd: { name: "sgd", space: PAPER_SPACE, recipes: PAPER_RECIPES, make: (p) => sgd(p as SgdOptions) },
  mlp: { name: "mlp", space: PAPER_SPACE, recipes: PAPER_RECIPES, make: (p) => mlp(p as SgdOptions) },
  logistic: {
    name: "logistic",
    space: { C: { kind: "log-uniform", low: 1e-6, high: 100 } },
    recipes: { default: { C: 1 } },
    make: (p) => logistic(p as { C: number }),
  },
  ridge: {
    name: "ridge",
    space: { alpha: { kind: "log-uniform", low: 1e-3, high: 1e6 } },
    recipes: { default: { alpha: 1 } },
    make: (p) => ridge(p as { alpha: number }),
  },
  knn: {
    name: "knn",
    space: { k: { kind: "integer", low: 1, high: 200 }, temperature: { kind: "log-uniform", low: 0.01, high: 1 } },
    recipes: { dino: { k: 20, temperature: 0.07 } },
    make: (p) => knn(p as { k: number; temperature: number }),
  },
} as const satisfies Record<string, Tunable>;
