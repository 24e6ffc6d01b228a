import { node, python } from "../children.mjs";
import { writeProblem } from "../data/problem.mjs";
import { CPU, TIME } from "../metrics.mjs";
import { race } from "../rounds.mjs";

const ABOUT = `\`logisticRegression\` and \`logisticPath\` beside scikit-learn's LogisticRegression (all threads of its BLAS), same C,
generated features. A decomposition is three fits for every C: on train, on train without the subset, and on a supervised
encoder's features; both sides go through C in ascending order, each fit starting at the one before. "Excess" is the objective
(float64) above the lowest that any contender reached, relative to it, the worst of the fits: a fit that stops early is fast.
lbfgs is scikit-learn's default and gets float32; it ends early whatever its tolerance. newton-cg in float64 with tol 1e-6 goes on
to about our optimum. Engines start in the first, uncounted round.`;
const LBFGS = "scikit-learn, lbfgs, tol 1e-4";
const NEWTON = "scikit-learn, newton-cg, tol 1e-6";

/** Ten values, evenly over the logarithm. */
const ten = (low, high) => Array.from({ length: 10 }, (_, i) => low * (high / low) ** (i / 9));
/** From strong regularization to features that are almost separated. */
const TEN = ten(1e-6, 1);

const single = (n, d, k, C = 1) => ({
  name: `${n} x ${d}, ${k} classes, C ${C}`,
  make: async (dir) => ({ fits: [await writeProblem(dir, { n, d, k })], C: [C] }),
});
const decomposition = (n, d, k, C) => ({
  name: `decomposition, ${n} x ${d}, ${k} classes, ${C.length} C`,
  make: async (dir) => {
    const train = await writeProblem(dir, { n, d, k });
    const supervised = await writeProblem(dir, { n, d, k, seed: 1, spread: 3 });
    return { fits: [train, { ...train, skip: Math.floor(n / 5 / k) * k }, supervised], C };
  },
});

export default async function probe({ dir, quick, rounds, log }) {
  const sizes = quick
    ? [single(1000, 128, 10), single(400, 512, 5), decomposition(1000, 128, 10, TEN)]
    : [single(1000, 128, 10), single(400, 512, 5), single(10_000, 512, 20), single(2000, 2048, 10, 0.01)];
  const cases = await Promise.all(sizes.map(async ({ name, make }) => ({ name, job: await make(dir) })));
  return compare({ cases, rounds: quick ? rounds : 5, log, title: "logistic regression, beside scikit-learn" });
}

/**
 * The whole decomposition at full size: many minutes a contender, so once each; a small one warms up. newton-cg, and C above 1e-3,
 * for which lbfgs takes minutes a fit, have no part.
 */
export async function decompose({ dir, quick, log }) {
  const { name, make } = quick ? decomposition(2000, 512, 20, TEN) : decomposition(10_000, 2048, 100, ten(1e-6, 1e-3));
  const warmUp = await decomposition(1000, 64, 60, [0.001]).make(dir);
  const cases = [{ name, job: await make(dir) }];
  const title = "risk decomposition over ten C, beside scikit-learn";
  return compare({ title, cases, peers: quick ? [LBFGS, NEWTON] : [LBFGS], rounds: 1, warmUp, log });
}

async function compare({ title, cases, peers = [LBFGS, NEWTON], ...o }) {
  const ours = (backend) => node("ours/probe.mjs", [], { SSL_HUB_BACKEND: backend });
  const contenders = [
    { name: "ours, wasm", ours: true, against: peers, start: ours("wasm") },
    { name: "ours, tfjs-node", ours: true, against: peers, start: ours("tfjs-node") },
    { name: LBFGS, start: python("peers/probe.py", ["lbfgs", "1e-4", "float32"]) },
    { name: NEWTON, start: python("peers/probe.py", ["newton-cg", "1e-6", "float64"]) },
  ].filter(({ name, ours }) => ours || peers.includes(name));
  return {
    title,
    about: ABOUT,
    metrics: [TIME, CPU, { key: "excess", label: "excess" }, { key: "gradientNorm", label: "largest gradient" }],
    rows: withExcess(await race(contenders, cases, o)),
  };
}

function withExcess(rows) {
  const lowest = new Map();
  for (const row of rows) {
    for (const { objectives } of row.rounds ?? []) {
      const before = lowest.get(row.case) ?? objectives;
      lowest.set(
        row.case,
        objectives.map((value, i) => Math.min(value, before[i])),
      );
    }
  }
  const excess = ({ objectives, ...round }, best) => ({
    ...round,
    excess: Math.max(...objectives.map((value, i) => (value - best[i]) / best[i])),
  });
  return rows.map((row) =>
    row.missing ? row : { ...row, rounds: row.rounds.map((round) => excess(round, lowest.get(row.case))) },
  );
}
