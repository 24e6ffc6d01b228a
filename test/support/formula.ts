/**
 * The deterministic weights and inputs of the parity cases: a 32-bit integer hash of key, seed and flat index, scaled
 * in float64 and rounded once to float32, so that PyTorch and we start from equal bits.
 */
function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

/** Value `index` of stream `key`: a double in [-1, 1). */
export function unit(key: string, seed: number): (index: number) => number {
  const start = fnv1a32(key) ^ seed;
  return (index) => {
    let x = (Math.imul(index + 1, 0x9e3779b1) + start) | 0;
    x ^= x >>> 16;
    x = Math.imul(x, 0x85ebca6b);
    x ^= x >>> 13;
    x = Math.imul(x, 0xc2b2ae35);
    x ^= x >>> 16;
    return (x >>> 0) / 2147483648 - 1;
  };
}

/** `offset + scale * u` for every element of a tensor of `n` values, C order. */
export function fill(key: string, n: number, seed: number, offset: number, scale: number): Float32Array {
  const u = unit(key, seed);
  const values = new Float32Array(n);
  for (let i = 0; i < n; i++) values[i] = offset + scale * u(i);
  return values;
}

/** Normalised images of four octaves of blocks, NHWC `[n, height, width, 3]` (the cases state them as NCHW). */
export function makeInput(n: number, height: number, width: number, seed: number): Float32Array {
  const [tone, coarse, mid, fine] = ["tone", "coarse", "mid", "fine"].map((name) => unit(`input/${name}`, seed)) as [
    (i: number) => number,
    (i: number) => number,
    (i: number) => number,
    (i: number) => number,
  ];
  const values = new Float32Array(n * height * width * 3);
  let at = 0;
  for (let image = 0; image < n; image++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let c = 0; c < 3; c++) {
          const plane = image * 3 + c;
          const block = (side: number) =>
            (plane * side + Math.floor((side * y) / height)) * side + Math.floor((side * x) / width);
          values[at++] =
            1.3 * tone(plane) +
            1.0 * coarse(block(4)) +
            0.5 * mid(block(16)) +
            0.3 * fine((plane * height + y) * width + x);
        }
      }
    }
  }
  return values;
}
