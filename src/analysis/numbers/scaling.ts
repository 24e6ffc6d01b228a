import { loadHistory } from "../history.ts";
import { type BoundedFit, boundedFit, type Model, type Parameter } from "../statistics/bounded-fit.ts";
import { mean, std, variance } from "../statistics/describe.ts";
import { leastSquares } from "../statistics/least-squares.ts";
import { BUDGETS, type Budget, num, type Row, type Study } from "../study.ts";
import type { Numbers } from "./numbers.ts";

/** Training images of each budget. */
export const IMAGES: Record<Budget, number> = { full: 1281167, shot30: 30000, pct1: 12811, shot5: 5000, shot3: 3000 };

/** Training images less those on which the encoder's own error is measured. */
const N = 1281167 - 50000;

/** An error at a budget, and all that a law may use to predict it. */
export interface Point {
  row: Row;
  budget: Budget;
  value: number;
  n: number;
  /** Parameters of the probe. */
  p: number;
  /** Training error: unclipped where the history has it, and from the table by subtraction. */
  tt: number;
  ttTable: number;
}

/** Complete rows at every budget they have. */
export function scalingPoints({ complete }: Study): Point[] {
  const { rows } = loadHistory();
  return complete.flatMap((row) => {
    const ttTable = num(row, BUDGETS.full)! - num(row, "enc_gen")! - num(row, "probe_gen")!;
    const tt = rows[row.name]?.[0] ?? ttTable;
    return (Object.keys(BUDGETS) as Budget[]).flatMap((budget) => {
      const value = num(row, BUDGETS[budget]);
      return value === null
        ? []
        : [{ row, budget, value, n: IMAGES[budget], p: 1000 * num(row, "z_dim")!, tt, ttTable }];
    });
  });
}

/** A law predicts the error in percent; it returns the derivatives by its parameters too. */
interface Law {
  parameters: (points: readonly Point[]) => Parameter[];
  /** Parameters' names, for the laws that have few. */
  names?: readonly string[];
  predict: (point: Point, parameters: readonly number[], gradient: number[], points: LawContext) => number;
  /** Group that a law has parameters for; a law cannot predict a group that it has not seen. */
  group?: (row: Row) => string;
  /** Other starts: clipping makes the loss bumpy. */
  starts?: readonly number[];
}

interface LawContext {
  groups: ReadonlyMap<string, number>;
}

const ALPHA: Parameter = { start: 0.2, low: 0, high: 0.5 };
const B: Parameter = { start: 100, low: 0, high: 1000 };
const IRREDUCIBLE: Parameter = { start: 10, low: 0, high: 100 };
const FACTOR: Parameter = { start: 100, low: 0, high: 1000 };
const BETA: Parameter = { start: 1, low: 0, high: 2 };

/** enc_gen + rest + (1 - B) tt + (B tt + probe_gen) (N/n)^alpha, and its derivatives by alpha and B. */
function ours2(tt: (point: Point) => number, rest: (point: Point) => number = () => 0): Law {
  return {
    parameters: () => [ALPHA, B],
    names: ["alpha", "B"],
    starts: [0.3, 0.6, 1, 100],
    predict: (point, [alpha, b], gradient) => {
      const [t, probe] = [tt(point), num(point.row, "probe_gen")!];
      const power = (N / point.n) ** alpha!;
      gradient[0] = (b! * t + probe) * power * Math.log(N / point.n);
      gradient[1] = t * (power - 1);
      return num(point.row, "enc_gen")! + rest(point) + (1 - b!) * t + (b! * t + probe) * power;
    },
  };
}

/** The usual law: Irr + C/n^alpha, with K/p^beta when `probe`; irreducible error, C and alpha by group. */
function usual(probe: boolean, group?: (row: Row) => string): Law {
  return {
    parameters: (points) => {
      const groups = group === undefined ? 1 : new Set(points.map(({ row }) => group(row))).size;
      const each = Array.from({ length: groups }, () => [IRREDUCIBLE, FACTOR, ALPHA]).flat();
      return probe ? [...each, FACTOR, BETA] : each;
    },
    ...(group === undefined ? {} : { group }),
    ...(group === undefined && !probe ? { names: ["Irr", "C", "alpha"] } : {}),
    predict: ({ row, n, p }, parameters, gradient, { groups }) => {
      const at = 3 * (group === undefined ? 0 : groups.get(group(row))!);
      const [irreducible, c, alpha] = [parameters[at]!, parameters[at + 1]!, parameters[at + 2]!];
      const power = n ** -alpha;
      gradient[at] = 1;
      gradient[at + 1] = power;
      gradient[at + 2] = -c * power * Math.log(n);
      if (!probe) return irreducible + c * power;
      const [k, beta] = [parameters.at(-2)!, parameters.at(-1)!];
      const other = p ** -beta;
      gradient[parameters.length - 2] = other;
      gradient[parameters.length - 1] = -k * other * Math.log(p);
      return irreducible + c * power + k * other;
    },
  };
}

/** `clip+eb` is the objective of lossyless. */
const objectiveOf = (row: Row): string => (row.objective === "clip+eb" ? "lossyless" : String(row.objective));

type LawName = "ours2" | "ours2_csv_only" | "ours2_components" | "ours1" | "std3" | "std5" | "family" | "arch" | "obj";

export const LAWS: Record<LawName, Law> = {
  ours2: ours2(({ tt }) => tt),
  ours2_csv_only: ours2(({ ttTable }) => ttTable),
  ours2_components: ours2(({ row }) => num(row, "usability")!, ({ row }) => num(row, "approx")!), // biome-ignore format: one line
  ours1: {
    parameters: () => [ALPHA],
    names: ["alpha"],
    predict: ({ row, n, tt }, [alpha], gradient) => {
      const scaled = num(row, "probe_gen")! * (N / n) ** alpha!;
      gradient[0] = scaled * Math.log(N / n);
      return num(row, "enc_gen")! + tt + scaled;
    },
  },
  std3: usual(false),
  std5: usual(true),
  family: usual(true, (row) => String(row.family)),
  arch: usual(true, (row) => String(row.architecture)),
  obj: usual(true, objectiveOf),
};

/** Points left out of the fit, by the name of what they are. */
export const MASKS: Record<string, (point: Point) => boolean> = {
  "2022": ({ row }) => row.year === 2022,
  contrastive: ({ row }) => row.ssl_mode === "contrastive",
  vit: ({ row }) => row.family === "vit",
  resnet: ({ row }) => row.family === "resnet",
  generative: ({ row }) => row.ssl_mode === "generative",
  samples_5_30: ({ budget }) => budget === "shot5" || budget === "shot30",
};

/** The paper's random split, row by row as its generator drew it. */
export function randomMask(split: "table" | "appendix" = "table"): (point: Point) => boolean {
  const rows = loadHistory().splits[split];
  const order = Object.keys(BUDGETS);
  return ({ row, budget }) => rows[row.name]?.[order.indexOf(budget)] === "T";
}

const percent = (raw: number): number => Math.min(100, Math.max(0, raw));

/** The error that a law without groups predicts with these parameters, by name. */
export const predictWith = (law: keyof typeof LAWS, parameters: Readonly<Record<string, number>>, point: Point): number =>
  percent(LAWS[law].predict(point, LAWS[law].names!.map((name) => parameters[name]!), [], { groups: new Map() })); // biome-ignore format: one line

export interface Scores {
  rmse: number;
  r2: number;
  mse_over_var: number;
}

/** A law as fitted: its predictions, clipped to 0..100. */
export interface FittedLaw {
  parameters: number[];
  names?: readonly string[];
  trainRmse: number;
  predict(point: Point): number;
  /** Whether the law has parameters for the point's group. */
  knows(point: Point): boolean;
}

/** Fits a law by least squares within its bounds, from each of its starts, and keeps the best. */
export function fitLaw(law: Law, points: readonly Point[]): FittedLaw {
  const seen = law.group === undefined ? [] : [...new Set(points.map(({ row }) => law.group!(row)))];
  const context: LawContext = { groups: new Map(seen.map((name, i) => [name, i])) };
  const bounds = law.parameters(points);
  const model: Model = (parameters, residuals, jacobian) => {
    jacobian.fill(0);
    const gradient = new Array<number>(bounds.length);
    for (const [i, point] of points.entries()) {
      gradient.fill(0);
      const raw = law.predict(point, parameters, gradient, context);
      residuals[i] = percent(raw) - point.value;
      if (raw > 0 && raw < 100) jacobian.set(gradient, i * bounds.length);
    }
  };
  const starts = law.starts ?? [bounds.at(-1)!.start];
  const descent = starts
    .map((start) => [...bounds.slice(0, -1), { ...bounds.at(-1)!, start }])
    .map((from) => boundedFit(model, points.length, from))
    .reduce((a, b) => (b.loss < a.loss ? b : a));
  const found = polish(model, points.length, bounds, descent, starts.length > 1);
  return {
    parameters: found.parameters,
    ...(law.names === undefined ? {} : { names: law.names }),
    trainRmse: Math.sqrt(found.loss / points.length),
    predict: (point) => percent(law.predict(point, found.parameters, new Array(bounds.length).fill(0), context)),
    knows: ({ row }) => law.group === undefined || context.groups.has(law.group(row)),
  };
}

/**
 * Where clipping bends the loss, a descent can stop beside the bend, or in the worse of two hollows: a grid around it
 * offers a second start (when `wide`), and from both shrinking steps in all directions go on.
 */
function polish(model: Model, rows: number, bounds: readonly Parameter[], from: BoundedFit, wide: boolean): BoundedFit {
  if (bounds.length > 2) return from;
  const [residuals, jacobian] = [new Float64Array(rows), new Float64Array(rows * bounds.length)];
  const lossAt = (parameters: number[]): number => {
    model(parameters, residuals, jacobian);
    return residuals.reduce((sum, value) => sum + value * value, 0);
  };
  if (!wide) return descend(lossAt, bounds, from);
  const near = gridAround(from.parameters, bounds)
    .map((parameters) => ({ parameters, loss: lossAt(parameters) }))
    .reduce((a, b) => (b.loss < a.loss ? b : a));
  return [from, near].map((start) => descend(lossAt, bounds, start)).reduce((a, b) => (b.loss < a.loss ? b : a));
}

function gridAround([alpha, b]: readonly number[], bounds: readonly Parameter[]): number[][] {
  const inside = (value: number, j: number) => Math.min(bounds[j]!.high, Math.max(bounds[j]!.low, value));
  const steps = Array.from({ length: 25 }, (_, i) => (i - 12) / 12);
  const alphas = steps.map((step) => inside(alpha! + 0.003 * step, 0));
  if (b === undefined) return alphas.map((value) => [value]);
  return alphas.flatMap((value) => steps.map((step) => [value, inside(b + 0.12 * step, 1)]));
}

function descend(lossAt: (parameters: number[]) => number, bounds: readonly Parameter[], from: BoundedFit): BoundedFit {
  let best = from;
  for (let size = 0.05; size > 1e-9; size *= 0.5) {
    for (let round = 0; round < 8; round++) {
      const tries = directions(bounds.length).map((direction) =>
        best.parameters.map((value, j) => {
          const { low, high } = bounds[j]!;
          return Math.min(high, Math.max(low, value + direction[j]! * size * (j === 0 ? 0.2 : 1)));
        }),
      );
      const better = tries.map((parameters) => ({ parameters, loss: lossAt(parameters) })).reduce((a, b) => (b.loss < a.loss ? b : a)); // biome-ignore format: one line
      if (better.loss >= best.loss) break;
      best = better;
    }
  }
  return best;
}

/** Eight directions of the plane, or both of the line. */
function directions(dimensions: number): number[][] {
  if (dimensions === 1) return [[1], [-1]];
  return Array.from({ length: 8 }, (_, i) => [Math.cos((i * Math.PI) / 4), Math.sin((i * Math.PI) / 4)]);
}

export function scoresOf(law: FittedLaw, points: readonly Point[]): Scores {
  const errors = points.map((point) => law.predict(point) - point.value);
  const actual = points.map(({ value }) => value);
  const mse = mean(errors.map((error) => error * error));
  const m = mean(actual);
  return {
    rmse: Math.sqrt(mse),
    r2: 1 - mse / mean(actual.map((value) => (value - m) ** 2)),
    mse_over_var: mse / variance(actual),
  };
}

const named = ({ names, parameters }: FittedLaw): Record<string, number> =>
  Object.fromEntries((names ?? []).map((name, i) => [name, parameters[i]!]));

export function scaling(study: Study): Numbers {
  const points = scalingPoints(study);
  const budgets = Object.keys(BUDGETS) as Budget[];
  const at = (budget: Budget) => points.filter((point) => point.budget === budget);
  const whole = Object.entries(LAWS).filter(([name]) => !["std5", "family", "arch", "obj"].includes(name));
  const fits = whole.map(([name, law]) => [name, fitLaw(law, points)] as const);
  const main = fits.find(([name]) => name === "ours2")![1];
  return {
    "scaling.rows": points.length,
    "scaling.std": std(points.map(({ value }) => value)),
    "scaling.std_by_metric": Object.fromEntries(budgets.map((budget) => [budget, std(at(budget).map(({ value }) => value))])), // biome-ignore format: one line
    ...Object.fromEntries(
      fits.flatMap(([name, fitted]) => [
        [`scaling.${name}.params`, named(fitted)],
        [`scaling.${name}.fit`, scoresOf(fitted, points)],
      ]),
    ),
    ...Object.fromEntries(budgets.map((budget) => [`scaling.ours2.${budget}`, scoresOf(main, at(budget))])),
    "scaling.test_share": Object.fromEntries(
      Object.entries(MASKS).map(([mask, left]) => [mask, points.filter(left).length / points.length]),
    ),
    ...extrapolations(points),
    ...byGroup(points),
    ...logLaw(points),
    "scaling.random_split.table": loadHistory().splits.table,
    "scaling.random_split.appendix": loadHistory().splits.appendix,
  };
}

/** A law fitted without the masked points, scored on them. */
export function extrapolate(law: Law, points: readonly Point[], mask: (point: Point) => boolean) {
  const fitted = fitLaw(law, points.filter((point) => !mask(point))); // biome-ignore format: one line
  const test = points.filter(mask);
  const scores = test.every(fitted.knows) ? scoresOf(fitted, test) : undefined;
  return { fitted, scores };
}

function extrapolations(points: readonly Point[]): Numbers {
  const cell = (law: Law, mask: (point: Point) => boolean) => {
    const { fitted, scores } = extrapolate(law, points, mask);
    return { ...named(fitted), train_rmse: fitted.trainRmse, ...scores };
  };
  const masks = Object.entries(MASKS);
  const withRandom = [...masks, ["random", randomMask()] as const];
  const main = (["ours2", "ours1", "std5"] as const).flatMap((name) =>
    withRandom.map(([mask, left]) => [`scaling.extrapolate.${name}.${mask}`, cell(LAWS[name], left)]),
  );
  const components = masks.map(([mask, left]): [string, unknown] => {
    const found = cell(LAWS.ours2_components, left);
    const fromB100 = cell({ ...LAWS.ours2_components, starts: [100] }, left);
    const local = { global_optimum: found, local_optimum_started_at_B_100: fromB100 };
    return [`scaling.components.${mask}`, mask === "samples_5_30" ? local : found];
  });
  const appendix = (["ours2_components", "std3", "ours1"] as const).map((name) => [
    `scaling.appendix_random.${name}`,
    cell(LAWS[name], randomMask("appendix")),
  ]);
  return Object.fromEntries([...main, ...components, ...appendix]);
}

/** Laws with parameters of their own for each family, architecture or objective. */
function byGroup(points: readonly Point[]): Numbers {
  const masks = { random: randomMask(), "2022": MASKS["2022"]!, contrastive: MASKS.contrastive!, vit: MASKS.vit! };
  const entries = (["family", "arch", "obj"] as const).map((name) => {
    const scored = Object.entries(masks).flatMap(([mask, left]) => {
      const { scores } = extrapolate(LAWS[name], points, left);
      return scores === undefined ? [] : [[mask, scores.r2]];
    });
    return [
      `scaling.encoder_dependent.${name}`,
      { ...Object.fromEntries(scored), n_param: LAWS[name].parameters(points).length },
    ];
  });
  return Object.fromEntries(entries);
}

/** A straight line of log(error - delta) over log n, for the best of 20 delta. */
function logLaw(points: readonly Point[]): Numbers {
  const errors = points.map(({ value }) => value);
  const least = Math.min(...errors);
  const design = new Map([["Intercept", points.map(() => 1)], ["log n", points.map(({ n }) => Math.log(n))]]); // biome-ignore format: one line
  const fits = Array.from({ length: 20 }, (_, i) => {
    const delta = (least * i) / 20;
    const fit = leastSquares(design, errors.map((value) => Math.log(value - delta))); // biome-ignore format: one line
    return { delta, fit };
  });
  const { delta, fit } = fits.reduce((a, b) => (b.fit.r2 > a.fit.r2 ? b : a));
  const [intercept, slope] = fit.solution as [number, number];
  const predicted = points.map(({ n }) => delta + Math.exp(intercept + slope * Math.log(n)));
  const mse = mean(predicted.map((value, i) => (value - errors[i]!) ** 2));
  return { "scaling.log_ols": { r2: fit.r2, delta, intercept, slope, rmse: Math.sqrt(mse) } };
}
