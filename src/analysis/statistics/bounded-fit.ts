/** A parameter with its bounds and where the search starts. */
export interface Parameter {
  start: number;
  low: number;
  high: number;
}

export interface BoundedFit {
  parameters: number[];
  /** Sum of squared residuals. */
  loss: number;
}

/** Fills `residuals` [rows] and `jacobian` [rows * parameters], row-major. */
export type Model = (parameters: readonly number[], residuals: Float64Array, jacobian: Float64Array) => void;

/**
 * Least squares within bounds by Levenberg and Marquardt's method. Parameters are scaled to their bounds, so that the
 * damping is the same for all and directions that the data leave open keep their start; a parameter that a step would
 * carry over its bound stops there and the others are solved again. Ends when steps no longer lower the loss by 1e-12
 * of it, or after `iterations`.
 */
export function boundedFit(model: Model, rows: number, bounds: readonly Parameter[], iterations = 500): BoundedFit {
  const k = bounds.length;
  const range = bounds.map(({ low, high }) => high - low);
  const [residuals, jacobian] = [new Float64Array(rows), new Float64Array(rows * k)];
  const evaluate = (u: readonly number[]): number => {
    model(u.map((value, j) => bounds[j]!.low + value * range[j]!), residuals, jacobian); // biome-ignore format: one line
    return residuals.reduce((sum, value) => sum + value * value, 0);
  };
  let at = bounds.map(({ start, low }, j) => (start - low) / range[j]!);
  let loss = evaluate(at);
  let equations = normalEquations(jacobian, residuals, range);
  let damping = 1e-3;
  for (let i = 0, idle = 0; i < iterations && idle < 8 && damping < 1e16; i++) {
    const step = boundedStep(equations, at, damping);
    const next = at.map((value, j) => Math.min(1, Math.max(0, value + step[j]!)));
    const trial = evaluate(next);
    if (trial < loss) {
      idle = loss - trial <= 1e-12 * loss ? idle + 1 : 0;
      at = next;
      loss = trial;
      equations = normalEquations(jacobian, residuals, range);
      damping = Math.max(damping / 5, 1e-15);
    } else damping *= 4;
  }
  return { parameters: at.map((value, j) => bounds[j]!.low + value * range[j]!), loss };
}

interface Equations {
  gradient: Float64Array;
  hessian: Float64Array;
}

/** J'r and J'J of the scaled parameters. */
function normalEquations(jacobian: Float64Array, residuals: Float64Array, range: readonly number[]): Equations {
  const k = range.length;
  const gradient = new Float64Array(k);
  const hessian = new Float64Array(k * k);
  for (let row = 0; row < residuals.length; row++) {
    const used: number[] = [];
    for (let j = 0; j < k; j++) if (jacobian[row * k + j] !== 0) used.push(j);
    for (const j of used) {
      const value = jacobian[row * k + j]! * range[j]!;
      gradient[j]! += value * residuals[row]!;
      for (const l of used) hessian[j * k + l]! += value * jacobian[row * k + l]! * range[l]!;
    }
  }
  return { gradient, hessian };
}

/** The damped step that stays within 0..1: what would leave stops at its bound, and the rest is solved anew. */
function boundedStep(equations: Equations, at: readonly number[], damping: number): Float64Array {
  const step = new Float64Array(at.length);
  let free = at.map((_, j) => j);
  for (;;) {
    solveFree(equations, free, damping, step);
    const held = free.filter((j) => at[j]! + step[j]! < 0 || at[j]! + step[j]! > 1);
    if (held.length === 0) return step;
    for (const j of held) step[j] = at[j]! + step[j]! < 0 ? -at[j]! : 1 - at[j]!;
    free = free.filter((j) => !held.includes(j));
  }
}

/** Solves (H + damping max(diag H) I) step = -gradient for the free entries, the others given, by Cholesky's factors. */
function solveFree(
  { gradient, hessian }: Equations,
  free: readonly number[],
  damping: number,
  step: Float64Array,
): void {
  const [k, m] = [gradient.length, free.length];
  const size = free.reduce((most, j) => Math.max(most, hessian[j * k + j]!), 0);
  const fixed = step.map((value, j) => (free.includes(j) ? 0 : value));
  const l = new Float64Array(m * m);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = hessian[free[i]! * k + free[j]!]! + (i === j ? damping * size + 1e-300 : 0);
      for (let q = 0; q < j; q++) sum -= l[i * m + q]! * l[j * m + q]!;
      l[i * m + j] = i === j ? Math.sqrt(Math.max(sum, 1e-300)) : sum / l[j * m + j]!;
    }
  }
  const z = free.map((j) => fixed.reduce((sum, value, q) => sum - hessian[j * k + q]! * value, -gradient[j]!));
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < i; j++) z[i]! -= l[i * m + j]! * z[j]!;
    z[i]! /= l[i * m + i]!;
  }
  for (let i = m - 1; i >= 0; i--) {
    for (let j = i + 1; j < m; j++) z[i]! -= l[j * m + i]! * z[j]!;
    z[i]! /= l[i * m + i]!;
  }
  for (const [i, j] of free.entries()) step[j] = z[i]!;
}
