import type { ArchSpec, ModelSpec, Representation } from "../src/core/spec.ts";
import { beit } from "./arch/beit.ts";
import { attentionPool, clipResnet } from "./arch/clip-resnet.ts";
import { CLIP_EPS, clipPrefix, clipVit, compress, joint } from "./arch/clip-vit.ts";
import { CONVNEXT_EPS, convnext } from "./arch/convnext.ts";
import { checkRepresentation, ofTokens } from "./arch/representation.ts";
import { resnet } from "./arch/resnet.ts";
import { VIT_EPS, vit } from "./arch/vit.ts";
import { Graph, type Value } from "./graph.ts";

type Build<K extends ArchSpec["kind"]> = (g: Graph, a: Extract<ArchSpec, { kind: K }>, r: Representation) => Value;

const ARCHITECTURES: { [K in ArchSpec["kind"]]: Build<K> } = {
  resnet: (g, a, r) => {
    const map = resnet(g, a);
    return r === "map" ? map : g.mean(map);
  },
  "clip-resnet": (g, a, r) => {
    const map = clipResnet(g, a);
    const pooled = attentionPool(g, map);
    return r === "attnpool" ? pooled : r === "map" ? map : g.mean(map);
  },
  convnext: (g, a, r) => {
    const map = convnext(g, a);
    const norm = (x: Value) => g.layerNorm(x, "norm", CONVNEXT_EPS);
    if (a.poolFirst) {
      const pooled = norm(g.mean(map));
      return r === "map" ? map : pooled;
    }
    const normed = norm(map);
    return r === "map" ? normed : g.mean(normed);
  },
  vit: (g, a, r) => ofTokens(g, vit(g, a), r, { norm: "norm", eps: VIT_EPS }),
  beit: (g, a, r) => ofTokens(g, beit(g, a), r, { norm: "norm", eps: VIT_EPS }),
  "clip-vit": (g, a, r) => {
    const head = { norm: `${clipPrefix(a)}ln_post`, eps: CLIP_EPS, joint: (x: Value) => joint(g, a, x) };
    const tokens = clipVit(g, a);
    const proj = ofTokens(g, tokens, "proj", head);
    const pred = a.compressor === true ? compress(g, a, proj) : proj;
    return r === "pred" ? pred : r === "proj" ? proj : ofTokens(g, tokens, r, head);
  },
};

/**
 * The encoder of a specification as a graph without weights, down to its representation. Takes milliseconds. All
 * parameters of the architecture are declared, though the representation may read fewer: what is built for them alone
 * is never stored.
 * @throws TypeError when the architecture does not offer the representation.
 */
export function buildGraph(spec: Pick<ModelSpec, "arch" | "representation">): Graph {
  const g = new Graph();
  const build = ARCHITECTURES[spec.arch.kind] as Build<ArchSpec["kind"]>;
  g.output(build(g, spec.arch as never, checkRepresentation(spec.arch, spec.representation)));
  return g;
}
