import type { Workspace } from "../kernels/workspace.ts";

/** A direction, what a Hessian made of it, and the curvature along it. */
export interface CurvaturePair {
  direction: Float64Array;
  product: Float64Array;
  /** Their inner product, > 0. */
  bend: number;
}

/** Pairs that are remembered from step to step, and what is free for new ones. */
export interface Memory {
  /** Oldest first. */
  pairs: CurvaturePair[];
  spare: CurvaturePair[];
  most: number;
}

/** Pairs that are remembered; more would cost more time than they save. */
const MOST = 32;
/** Bytes that they may take. */
const MOST_BYTES = 2 ** 25;

const mostPairs = (length: number): number => Math.min(MOST, Math.floor(MOST_BYTES / (16 * length)));
/** Those remembered, as many of the step that is under way, and the two at work. */
const places = (length: number): number => 2 * mostPairs(length) + 2;

/** Arrays of so many numbers that {@link memoryFor} takes. */
export const memoryArrays = (length: number): number => 2 * places(length);

export function memoryFor(space: Workspace, length: number): Memory {
  const pair = () => ({ direction: space.array(length), product: space.array(length), bend: 0 });
  return { pairs: [], spare: Array.from({ length: places(length) }, pair), most: mostPairs(length) };
}

/** Adds a pair to a list as its newest; where there are too many the oldest is free again. */
export function append({ spare, most }: Memory, list: CurvaturePair[], pair: CurvaturePair): void {
  list.push(pair);
  if (list.length > most) spare.push(list.shift()!);
}

/**
 * Solves with an approximate Hessian that is exact along what is remembered: a limited-memory BFGS update of `base` (Morales
 * and Nocedal, 2000). Conjugate gradients of one Newton step thereby go on where those of the step before were.
 * @param rest right side, overwritten.
 * @param base solves with the approximation to start from, `rest` into `z`.
 */
export function solveRecycled(
  space: Workspace,
  { pairs }: Memory,
  rest: Float64Array,
  z: Float64Array,
  base: () => void,
): void {
  const alphas = new Float64Array(pairs.length);
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { direction, product, bend } = pairs[i]!;
    alphas[i] = space.dot(direction, rest) / bend;
    space.combine(1, rest, -alphas[i]!, product);
  }
  base();
  pairs.forEach(({ direction, product, bend }, i) => {
    space.combine(1, z, alphas[i]! - space.dot(product, z) / bend, direction);
  });
}

/** Makes the pairs those of the Hessian at `ratio` times the C: all of it but the penalty's unit matrix on `weights` numbers grows. */
export function rescale(space: Workspace, { pairs }: Memory, ratio: number, weights: number): void {
  for (const pair of pairs) {
    const { direction, product } = pair;
    const part = (a: Float64Array) => a.subarray(0, weights);
    space.combine(ratio, product, 0, direction);
    space.combine(1, part(product), 1 - ratio, part(direction));
    pair.bend = space.dot(direction, product);
  }
}
