import type { ArchSpec, RepresentationOf } from "./spec.ts";

/** Which names have which kind of architecture; the first pattern that fits decides. A test holds it against the hub. */
export const KIND_OF_NAMES = [
  ["clip_rn*", "clip-resnet"],
  ["clip_vit*", "clip-vit"],
  ["openclip_vit*", "clip-vit"],
  ["lossyless_vit*", "clip-vit"],
  ["beit*_vit*", "beit"],
  ["*_vit*", "vit"],
  ["*_convnext*", "convnext"],
  ["*", "resnet"],
] as const satisfies readonly (readonly [string, ArchSpec["kind"]])[];

/** Kind of the architecture of a hub name. */
export function kindOf(name: string): ArchSpec["kind"] {
  const fits = (pattern: string) => new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(name);
  return KIND_OF_NAMES.find(([pattern]) => fits(pattern))![1];
}

type Pattern<P extends string> = P extends `${infer Head}*${infer Tail}` ? `${Head}${string}${Pattern<Tail>}` : P;

/** {@link kindOf} for the type checker. */
export type KindOf<N extends string, T extends readonly unknown[] = typeof KIND_OF_NAMES> = T extends readonly [
  readonly [infer P extends string, infer K extends ArchSpec["kind"]],
  ...infer Rest,
]
  ? N extends Pattern<P>
    ? K
    : KindOf<N, Rest>
  : never;

/** The representations that a hub name's architecture offers. */
export type RepresentationFor<N extends string> = N extends string ? RepresentationOf<KindOf<N>> : never;
