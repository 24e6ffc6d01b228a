/** Seeded uniform numbers in [0, 1) (xorshift32): inputs need no better, and are the same in every run. */
export function uniform(seed) {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** About normal numbers, mean 0 and standard deviation 1: a sum of four uniform ones. */
export function gaussian(seed) {
  const next = uniform(seed);
  return () => (next() + next() + next() + next() - 2) * Math.sqrt(3);
}
