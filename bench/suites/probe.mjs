import { node, python } from "../children.mjs";
import { writeProblem } from "../data/problem.mjs";
import { race } from "../rounds.mjs";

const ABOUT = `\`logisticRegression\` beside scikit-learn's LogisticRegression (lbfgs, all threads of its BLAS), same C, generated
features. "Excess" is the objective (float64) above the lowest that any contender reached, relative to it: a fit that stops
early is fast. scikit-learn gets float32 with its default tolerance, float64 with the tight one. Ours starts its engine in
the first, uncounted round.`;
const PEERS = ["scikit-learn, tol 1e-4", "scikit-learn, tol 1e-8, float64"];

export default async function probe({ dir, quick, rounds, log }) {
  const sizes = quick
    ? [
        { n: 1000, d: 128, k: 10, C: 1 },
        { n: 400, d: 512, k: 5, C: 1 },
      ]
    : [
        { n: 10_000, d: 512, k: 20, C: 1 },
        { n: 2000, d: 2048, k: 10, C: 1 },
      ];
  const cases = [];
  for (const size of sizes) {
    cases.push({ name: `${size.n} x ${size.d}, ${size.k} classes, C ${size.C}`, job: await writeProblem(dir, size) });
  }
  const ours = (backend) => node("ours/probe.mjs", [], { SSL_HUB_BACKEND: backend });
  const contenders = [
    { name: "ours, wasm", ours: true, against: PEERS, start: ours("wasm") },
    { name: "ours, tfjs-node", ours: true, against: PEERS, start: ours("tfjs-node") },
    { name: PEERS[0], start: python("peers/probe.py", ["1e-4", "float32"]) },
    { name: PEERS[1], start: python("peers/probe.py", ["1e-8", "float64"]) },
  ];
  const rows = await race(contenders, cases, { rounds: quick ? rounds : 5, log });
  return {
    title: "logistic regression, beside scikit-learn",
    about: ABOUT,
    metrics: [
      { key: "wall", label: "time", unit: "ms", ratio: "time" },
      { key: "cpu", label: "CPU", unit: "ms", ratio: "CPU" },
      { key: "excess", label: "excess" },
      { key: "gradientNorm", label: "largest gradient" },
    ],
    rows: withExcess(rows),
  };
}

function withExcess(rows) {
  const lowest = new Map();
  for (const row of rows) {
    for (const { objective } of row.rounds ?? []) {
      lowest.set(row.case, Math.min(objective, lowest.get(row.case) ?? Number.POSITIVE_INFINITY));
    }
  }
  const excess = (round, best) => ({ ...round, excess: (round.objective - best) / best });
  return rows.map((row) =>
    row.missing ? row : { ...row, rounds: row.rounds.map((round) => excess(round, lowest.get(row.case))) },
  );
}
