/** Pseudo-random bytes that are the same at every run, and hold control characters as binary files do. */
export function generator(seed: number): (n: number) => Uint8Array {
  let state = seed >>> 0 || 1;
  return (n) =>
    Uint8Array.from({ length: n }, () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state >>> 24;
    });
}
