import type { Param, Weight } from "./nodes.ts";

/** What is folded at conversion into a linear map or convolution y = W x + b. */
export interface MapOptions {
  /** Key of the weight; default `KEY.weight`. */
  weightKey?: string;
  /** Default `KEY.bias`; false where the map has none; else how it is put together. */
  bias?: false | { params: readonly Param[]; make(...params: Float32Array[]): Float32Array };
  /** The weight is `[in, out]`: CLIP's projections multiply from the right. */
  rightMultiplied?: boolean;
  /** Key of the LayerNorm before it, of which the affine is folded. Not exact where zeros are padded. */
  norm?: string;
  /** The batch norm after it. */
  bn?: { key: string; eps: number };
  /** Key of the layer scale after it. */
  layerScale?: string;
  /** A constant factor of each output after it. */
  gain?: (out: number) => number;
  /** A constant factor of all inputs. */
  inGain?: number;
}

export type Declare = (key: string, shape: readonly number[]) => Param;

/** A weight `[outs, ins, window]`, as numbers. */
interface Dims {
  outs: number;
  ins: number;
  /** Positions of the window; 1 for a linear map. */
  area: number;
}

/**
 * Kernel and bias of a map with weight `[outs, ins, ...window]`, as TensorFlow has them: `[...window, ins, outs]`. Sums
 * and factors are kept in float64 until the last product. No bias where it would be zero.
 */
export function mapWeights(
  declare: Declare,
  key: string,
  [outs, ins, ...window]: [number, number, ...number[]],
  o: MapOptions,
): { kernel: Weight; bias?: Weight } {
  const dims: Dims = { outs, ins, area: window.reduce((a, b) => a * b, 1) };
  const weight = declare(
    o.weightKey ?? `${key}.weight`,
    o.rightMultiplied === true ? [ins, outs] : [outs, ins, ...window],
  );
  const own = o.bias ?? { params: [declare(`${key}.bias`, [outs])], make: (b: Float32Array) => b };
  const factors = {
    ...(o.bn && { gamma: declare(`${o.bn.key}.weight`, [outs]), variance: declare(`${o.bn.key}.running_var`, [outs]) }),
    ...(o.layerScale !== undefined && { layerScale: declare(o.layerScale, [outs]) }),
  };
  const bn = o.bn && {
    beta: declare(`${o.bn.key}.bias`, [outs]),
    mean: declare(`${o.bn.key}.running_mean`, [outs]),
  };
  const [normScale, normShift] = o.norm === undefined ? [] : affineParams(declare, o.norm, ins);
  const index = o.rightMultiplied === true ? { out: 1, in: outs } : { out: ins * dims.area, in: dims.area };

  const kernel = recipe(
    `${key}/kernel`,
    [...window, ins, outs],
    { weight, ...(normScale && { normScale }), ...factors },
    (p) => transposed(p.weight!, dims, index, p.normScale, scaleOf(p, outs, o), o.inGain ?? 1),
  );
  if (own === false && normShift === undefined && bn === undefined) return { kernel };
  const ownRoles = own === false ? {} : Object.fromEntries(own.params.map((param, i) => [`own${i}`, param]));
  const bias = recipe(
    `${key}/bias`,
    [outs],
    { ...(normShift && { weight, normShift }), ...ownRoles, ...factors, ...bn },
    (p) => {
      const start = own === false ? new Float64Array(outs) : own.make(...Object.keys(ownRoles).map((role) => p[role]!));
      const shift = Float64Array.from(start);
      if (p.normShift !== undefined) addProduct(shift, p.weight!, p.normShift, dims, index);
      const scale = scaleOf(p, outs, o);
      return Float32Array.from(shift, (s, i) => (s - (p.mean?.[i] ?? 0)) * (scale?.[i] ?? 1) + (p.beta?.[i] ?? 0));
    },
  );
  return { kernel, bias };
}

/** Weight and bias of a norm, `[channels]` each. */
export function affineParams(declare: Declare, key: string, channels: number): [Param, Param] {
  return [declare(`${key}.weight`, [channels]), declare(`${key}.bias`, [channels])];
}

/** The parameter as it is, in another shape of as many elements. */
export const asIs = (param: Param, shape: readonly number[] = param.shape): Weight => ({
  name: param.key,
  shape,
  params: [param],
  make: (values) => values!,
});

/** A recipe whose parameters have names. */
function recipe(
  name: string,
  shape: readonly number[],
  roles: Record<string, Param>,
  make: (params: Record<string, Float32Array | undefined>) => Float32Array,
): Weight {
  const names = Object.keys(roles);
  return {
    name,
    shape,
    params: Object.values(roles),
    make: (...params) => make(Object.fromEntries(names.map((role, i) => [role, params[i]]))),
  };
}

/** The factor of each output: batch norm's gamma / sqrt(var + eps), layer scale and constant gain. */
function scaleOf(
  p: Record<string, Float32Array | undefined>,
  outs: number,
  { bn, gain }: MapOptions,
): Float64Array | undefined {
  if (bn === undefined && gain === undefined && p.layerScale === undefined) return undefined;
  const normed = (i: number) => (bn === undefined ? 1 : p.gamma![i]! / Math.sqrt(p.variance![i]! + bn.eps));
  return Float64Array.from({ length: outs }, (_, i) => normed(i) * (p.layerScale?.[i] ?? 1) * (gain?.(i) ?? 1));
}

/** Rows of the copied block that stay in the processor's cache together. */
const BLOCK = 64;

/** To `[window, ins, outs]`, each input and output times its factor. */
function transposed(
  w: Float32Array,
  { outs, ins, area }: Dims,
  index: { out: number; in: number },
  inScale: Float32Array | undefined,
  outScale: Float64Array | undefined,
  inGain: number,
): Float32Array {
  const folded = new Float32Array(w.length);
  for (let block = 0; block < outs; block += BLOCK) {
    const end = Math.min(outs, block + BLOCK);
    for (let i = 0; i < ins; i++) {
      const inFactor = (inScale?.[i] ?? 1) * inGain;
      for (let p = 0; p < area; p++) {
        const to = (p * ins + i) * outs;
        const from = i * index.in + p;
        for (let o = block; o < end; o++) folded[to + o] = w[from + o * index.out]! * inFactor * (outScale?.[o] ?? 1);
      }
    }
  }
  return folded;
}

/** Adds W x to `shift`, `x` the same at every position of the window. */
function addProduct(
  shift: Float64Array,
  w: Float32Array,
  x: Float32Array,
  { outs, ins, area }: Dims,
  index: { out: number; in: number },
): void {
  for (let o = 0; o < outs; o++) {
    let sum = 0;
    for (let i = 0; i < ins; i++) {
      for (let p = 0; p < area; p++) sum += w[o * index.out + i * index.in + p]! * x[i]!;
    }
    shift[o]! += sum;
  }
}
