/** A seeded generator of numbers. The same seed gives the same numbers on every machine. */
export interface Rng {
  /** Uniform in [0, 1), 32 random bits. */
  uniform(): number;
  /** Uniform integer in 0..n-1. */
  integer(n: number): number;
  /** Standard normal. */
  normal(): number;
  /** The numbers 0..n-1 in random order. */
  permutation(n: number): Int32Array;
}

/** Generator sfc32 (Doty-Humphrey, PractRand), seeded by a number and an optional stream name. */
export function rng(seed: number, stream = ""): Rng {
  let [a, b, c, counter] = seedWords(seed, stream);
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return t >>> 0;
  };
  for (let i = 0; i < 15; i++) next();
  let spare: number | undefined;
  const uniform = () => next() / 4294967296;
  const integer = (n: number) => {
    // Rejection keeps every value equally likely.
    const limit = 4294967296 - (4294967296 % n);
    for (;;) {
      const x = next();
      if (x < limit) return x % n;
    }
  };
  const normal = () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    // Box-Muller; 1 - u avoids the logarithm of zero.
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  const permutation = (n: number) => {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = integer(i + 1);
      const kept = order[i]!;
      order[i] = order[j]!;
      order[j] = kept;
    }
    return order;
  };
  return { uniform, integer, normal, permutation };
}

/** Four state words from a seed and a stream name, by FNV-1a over both. */
function seedWords(seed: number, stream: string): [number, number, number, number] {
  const words = [0, 1, 2].map((lane) => {
    let hash = 0x811c9dc5 ^ lane;
    for (const byte of new TextEncoder().encode(`${seed}/${lane}/${stream}`)) hash = Math.imul(hash ^ byte, 0x01000193);
    return hash | 0;
  });
  return [words[0]!, words[1]!, words[2]!, 1];
}
