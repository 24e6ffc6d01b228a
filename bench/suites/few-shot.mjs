import { node, python } from "../children.mjs";
import { writeProblem } from "../data/problem.mjs";
import { CPU, TIME } from "../metrics.mjs";
import { race } from "../rounds.mjs";

const ABOUT = `The few-shot probe of the paper: columns scaled to 0..1, one logistic regression for each of 30 C (log-uniform, 1e-6 to
100), C by the errors on as many validation rows. \`fitFewShot\` goes to the optimum of every C along the sorted path;
scikit-learn's lbfgs (tol 1e-4, max_iter 1000, all threads of its BLAS) starts every fit at zero, as upstream's search does.`;

/** Classes, labels a class, features. */
const SIZES = [
  [10, 30, 256],
  [50, 5, 2048],
  [100, 5, 768],
  [100, 30, 512],
];

export default async function fewShot({ dir, quick, rounds, log }) {
  const peer = "scikit-learn, lbfgs, tol 1e-4";
  const ours = (backend) => node("ours/few-shot.mjs", [], { SSL_HUB_BACKEND: backend });
  const contenders = [
    { name: "ours, wasm", ours: true, against: [peer], start: ours("wasm") },
    { name: "ours, tfjs-node", ours: true, against: [peer], start: ours("tfjs-node") },
    { name: peer, start: python("peers/few_shot.py") },
  ];
  const cases = [];
  for (const [k, shots, d] of quick ? SIZES.slice(0, 2) : SIZES) {
    // Half of the rows validate.
    const job = await writeProblem(dir, { n: 2 * k * shots, d, k });
    cases.push({ name: `${k} classes x ${shots} labels, ${d} features`, job });
  }
  return {
    title: "30 values of C, beside scikit-learn",
    about: ABOUT,
    metrics: [TIME, CPU, { key: "validation", label: "validation error", unit: "%" }],
    rows: await race(contenders, cases, { rounds: Math.min(rounds, 3), log }),
  };
}
