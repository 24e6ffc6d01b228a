/** Numbers that are fitted, and their gradient: arrays of equal lengths. */
export type Parameters = readonly Float64Array[];

/** Changes `parameters` in place, one step along `gradients`, which are spoilt. */
export type Step = (gradients: Parameters, stepSize: number) => void;

export type OptimizerName = "sgd" | "adam" | "lars";

export interface OptimizerOptions {
  /** Coupled L2 penalty: `decay * w` is added to the gradient of every parameter, intercepts and batch norm too. */
  weightDecay: number;
  /** Of sgd and lars. Default 0.9. */
  momentum?: number;
  /** Added to Adam's denominator. Default 1e-4, as the paper's protocol. */
  epsilon?: number;
}

const LARS = { trust: 1e-3, epsilon: 1e-8 };
const BETA1 = 0.9;
const BETA2 = 0.999;

/** PyTorch's SGD with momentum and Adam, and LARS (You et al. 2017) as in Lightning Bolts, on the paper's terms. */
export function optimizer(name: OptimizerName, parameters: Parameters, options: OptimizerOptions): Step {
  return { sgd, adam, lars }[name](parameters, options);
}

function sgd(parameters: Parameters, { weightDecay, momentum = 0.9 }: OptimizerOptions): Step {
  const move = heavyBall(parameters, momentum);
  return (gradients, stepSize) => {
    gradients.forEach((g, p) => {
      decay(g, parameters[p]!, weightDecay);
    });
    move(gradients, stepSize);
  };
}

/**
 * A tensor whose norm or gradient is 0, as the intercepts at first, takes the gradient as it is: no decay, no scaling.
 */
function lars(parameters: Parameters, { weightDecay, momentum = 0.9 }: OptimizerOptions): Step {
  const move = heavyBall(parameters, momentum);
  return (gradients, stepSize) => {
    gradients.forEach((g, p) => {
      const w = parameters[p]!;
      const [size, slope] = [norm(w), norm(g)];
      if (size === 0 || slope === 0) return;
      decay(g, w, weightDecay);
      const trust = (LARS.trust * size) / (slope + weightDecay * size + LARS.epsilon);
      for (let i = 0; i < g.length; i++) g[i]! *= trust;
    });
    move(gradients, stepSize);
  };
}

function adam(parameters: Parameters, { weightDecay, epsilon = 1e-4 }: OptimizerOptions): Step {
  const first = parameters.map((w) => new Float64Array(w.length));
  const second = parameters.map((w) => new Float64Array(w.length));
  let steps = 0;
  return (gradients, stepSize) => {
    steps++;
    const along = stepSize / (1 - BETA1 ** steps);
    const correction = Math.sqrt(1 - BETA2 ** steps);
    gradients.forEach((g, p) => {
      const [w, m, v] = [parameters[p]!, first[p]!, second[p]!];
      decay(g, w, weightDecay);
      for (let i = 0; i < w.length; i++) {
        m[i] = BETA1 * m[i]! + (1 - BETA1) * g[i]!;
        v[i] = BETA2 * v[i]! + (1 - BETA2) * g[i]! * g[i]!;
        w[i]! -= (along * m[i]!) / (Math.sqrt(v[i]!) / correction + epsilon);
      }
    });
  };
}

/** PyTorch's form of momentum: the step size scales the whole sum, so a change of it acts at once. */
function heavyBall(parameters: Parameters, momentum: number): Step {
  const sums = parameters.map((w) => new Float64Array(w.length));
  return (gradients, stepSize) => {
    gradients.forEach((g, p) => {
      const [w, sum] = [parameters[p]!, sums[p]!];
      for (let i = 0; i < w.length; i++) {
        sum[i] = momentum * sum[i]! + g[i]!;
        w[i]! -= stepSize * sum[i]!;
      }
    });
  };
}

function decay(g: Float64Array, w: Float64Array, weightDecay: number): void {
  for (let i = 0; i < g.length; i++) g[i]! += weightDecay * w[i]!;
}

function norm(a: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * a[i]!;
  return Math.sqrt(sum);
}
