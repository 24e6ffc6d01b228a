/**
 * Resizes a table of relative positions `[(2 from - 1)^2 + 3, heads]` to `[(2 to - 1)^2 + 3, heads]` as BEiT's
 * fine-tuning does (Bao et al. 2022, run_class_finetuning.py): the distances that were learned are laid out at steps
 * that grow geometrically until they reach as far as the new grid needs, and a cubic spline through them is read at
 * whole distances. The last three rows, of the class token, stay as they are.
 */
export function resizeRelativePositions(table: Float32Array, from: number, to: number, heads: number): Float32Array {
  if (from === to) return table;
  const [old, span] = [2 * from - 1, 2 * to - 1];
  const places = spread(old, span);
  const weights = Array.from({ length: span }, (_, i) => splineWeights(places, i - (to - 1)));
  const resized = new Float32Array((span ** 2 + 3) * heads);
  // Along x, then along y.
  const rows = new Float64Array(old * span * heads);
  for (let y = 0; y < old; y++) {
    for (let x = 0; x < span; x++) {
      for (let k = 0; k < old; k++) {
        const weight = weights[x]![k]!;
        const [at, source] = [(y * span + x) * heads, (y * old + k) * heads];
        for (let h = 0; h < heads; h++) rows[at + h]! += weight * table[source + h]!;
      }
    }
  }
  const sums = new Float64Array(heads);
  for (let y = 0; y < span; y++) {
    for (let x = 0; x < span; x++) {
      sums.fill(0);
      for (let k = 0; k < old; k++) {
        const source = (k * span + x) * heads;
        for (let h = 0; h < heads; h++) sums[h]! += weights[y]![k]! * rows[source + h]!;
      }
      resized.set(sums, (y * span + x) * heads);
    }
  }
  resized.set(table.subarray(old ** 2 * heads), span ** 2 * heads);
  return resized;
}

/** Places of the old distances: 0, 1, 1 + q, 1 + q + q^2 ... on both sides, q such that the last reaches the new edge. */
function spread(old: number, span: number): number[] {
  const [steps, edge] = [Math.floor(old / 2), Math.floor(span / 2)];
  let [left, right, q] = [1.01, 1.5, 0];
  while (right - left > 1e-6) {
    q = (left + right) / 2;
    if ((1 - q ** steps) / (1 - q) > edge) right = q;
    else left = q;
  }
  const side: number[] = [];
  for (let i = 0, at = 1; i < steps; i++) {
    side.push(at);
    at += q ** (i + 1);
  }
  return [...side.map((at) => -at).reverse(), 0, ...side];
}

/**
 * Weights of the knots' values in the value at `x` of the cubic spline through them: that of FITPACK, which has no knot
 * at the second place and the last but one ("not a knot"). Past the ends it stays as at the ends.
 */
function splineWeights(places: readonly number[], x: number): Float64Array {
  const n = places.length;
  const at = Math.min(places[n - 1]!, Math.max(places[0]!, x));
  const basis = bSplines([...Array(4).fill(places[0]), ...places.slice(2, -2), ...Array(4).fill(places[n - 1])], n);
  // Coefficients c of the spline solve B c = values, B[i][j] = basis j at place i; so weights solve B^T w = basis at x.
  const columns = places.map((place) => basis(place));
  return solve(
    Array.from({ length: n }, (_, j) => columns.map((column) => column[j]!)),
    basis(at),
  );
}

/** The n cubic B-splines of a knot vector, by Cox's and de Boor's recursion. */
function bSplines(knots: readonly number[], n: number): (x: number) => number[] {
  const part = (a: number, b: number, value: number) => (b === 0 ? 0 : (a / b) * value);
  return (x) => {
    const last = knots[n]!;
    let values: number[] = Array.from({ length: n + 3 }, (_, i) => {
      const inside = knots[i]! <= x && x < knots[i + 1]!;
      return inside || (x === last && i === n - 1) ? 1 : 0;
    });
    for (let k = 1; k <= 3; k++) {
      values = values
        .slice(0, -1)
        .map(
          (value, i) =>
            part(x - knots[i]!, knots[i + k]! - knots[i]!, value) +
            part(knots[i + k + 1]! - x, knots[i + k + 1]! - knots[i + 1]!, values[i + 1]!),
        );
    }
    return values;
  };
}

/** Gauss elimination with pivots, in place. */
function solve(matrix: number[][], right: number[]): Float64Array {
  const n = right.length;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(matrix[i]![k]!) > Math.abs(matrix[pivot]![k]!)) pivot = i;
    [matrix[k], matrix[pivot]] = [matrix[pivot]!, matrix[k]!];
    [right[k], right[pivot]] = [right[pivot]!, right[k]!];
    for (let i = k + 1; i < n; i++) {
      const factor = matrix[i]![k]! / matrix[k]![k]!;
      if (factor === 0) continue;
      for (let j = k; j < n; j++) matrix[i]![j]! -= factor * matrix[k]![j]!;
      right[i]! -= factor * right[k]!;
    }
  }
  const solution = new Float64Array(n);
  for (let k = n - 1; k >= 0; k--) {
    let value = right[k]!;
    for (let j = k + 1; j < n; j++) value -= matrix[k]![j]! * solution[j]!;
    solution[k] = value / matrix[k]![k]!;
  }
  return solution;
}
