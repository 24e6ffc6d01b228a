import { node, python } from "../children.mjs";
import { CPU, TIME } from "../metrics.mjs";
import { race } from "../rounds.mjs";

const ABOUT = `Time of \`import("ssl-hub")\` alone, in a new process each time.`;

export default async function importing({ log }) {
  const contenders = [
    { name: `import "ssl-hub"`, ours: true, against: ["import torch"], start: node("ours/import.mjs") },
    { name: "import torch", start: python("peers/import.py", ["torch"]) },
  ];
  return {
    title: "the package, beside PyTorch",
    about: ABOUT,
    metrics: [TIME, CPU],
    rows: await race(contenders, [{ name: "new process", job: {} }], { rounds: 10, log, fresh: true }),
  };
}
