/**
 * How the step size goes over the epochs; it changes once an epoch.
 * - "constant"
 * - "cosine": half a cosine from the base to 0. The paper's code calls it `warmcosine`.
 * - "warmup-cosine": linear from 0 over the first tenth of the epochs, then "cosine". The paper's code calls it `cosine`.
 * - "multistep": a tenth after 60 %, 80 % and 95 % of the epochs each.
 */
export type Schedule = "constant" | "cosine" | "warmup-cosine" | "multistep";

export const SCHEDULES: readonly Schedule[] = ["constant", "cosine", "warmup-cosine", "multistep"];

/** Step size of each of `epochs` epochs, `[epochs]`. */
export function stepSizes(schedule: Schedule, epochs: number, base = 1): Float64Array {
  const at = {
    constant: () => base,
    cosine: cosine(epochs, base),
    "warmup-cosine": warmup(epochs, base),
    multistep: multistep(epochs, base),
  };
  return Float64Array.from({ length: epochs }, (_, epoch) => at[schedule](epoch));
}

const cosine = (epochs: number, base: number) => (epoch: number) =>
  (base / 2) * (1 + Math.cos((Math.PI * epoch) / epochs));

/** The first epoch has step 0, the last of the warm-up has the base already; a warm-up of one epoch is that of step 0. */
function warmup(epochs: number, base: number) {
  const length = halfToEven(epochs / 10);
  const after = cosine(epochs - length, base);
  return (epoch: number) =>
    epoch >= length ? after(epoch - length) : length === 1 ? 0 : (base * epoch) / (length - 1);
}

function multistep(epochs: number, base: number) {
  const milestones = [0.6, 0.8, 0.95].map((share) => Math.trunc(share * epochs));
  return (epoch: number) => base * 0.1 ** milestones.filter((milestone) => epoch >= milestone).length;
}

/** Python's round(). */
export function halfToEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  return rest === 0.5 ? down + (down % 2) : Math.round(value);
}
