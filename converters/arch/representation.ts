import { HubError } from "../../src/core/errors.ts";
import type { ArchSpec, Representation, RepresentationOf } from "../../src/core/spec.ts";
import type { Graph, Value } from "../graph.ts";
import { affineParams } from "../weights.ts";
import type { Tokens } from "./transformer.ts";

/** What an architecture offers, but for the `Nxcls` of those with tokens. CLIP's names join, the ViT wrapper's alternate. */
export const REPRESENTATIONS: { [K in ArchSpec["kind"]]: readonly RepresentationOf<K>[] } = {
  resnet: ["avgpool", "map"],
  convnext: ["avgpool", "map"],
  "clip-resnet": ["attnpool", "avgpool", "map"],
  vit: ["cls", "avg", "cls+avg", "cls+avg:interleaved", "tokens"],
  beit: ["cls", "avg", "cls+avg", "cls+avg:interleaved", "tokens"],
  "clip-vit": ["cls", "avg", "cls+avg", "proj", "proj+cls", "tokens"],
};

/** Of what a token representation is made, in order. */
type Part = "cls" | "avg" | "proj" | "tokens";
const PARTS: Partial<Record<Representation, readonly Part[]>> = {
  cls: ["cls"],
  avg: ["avg"],
  "cls+avg": ["cls", "avg"],
  "cls+avg:interleaved": ["cls", "avg"],
  proj: ["proj"],
  "proj+cls": ["cls", "proj"],
  tokens: ["tokens"],
};

/**
 * Checks that an architecture offers a representation.
 * @throws TypeError that lists what it offers.
 */
export function checkRepresentation(arch: ArchSpec, representation: string): Representation {
  const listed: readonly string[] = REPRESENTATIONS[arch.kind];
  const blocks = clsBlocks(representation);
  const known =
    listed.includes(representation) ||
    ("depth" in arch && blocks !== undefined && blocks <= arch.depth) ||
    (representation === "pred" && "compressor" in arch && arch.compressor === true);
  if (known) return representation as Representation;
  const offered = [...listed, ...("compressor" in arch && arch.compressor ? ["pred"] : [])];
  const more = "depth" in arch ? ` and Nxcls (class tokens of the last N blocks, N from 1 to ${arch.depth})` : "";
  throw new TypeError(
    `There is no representation ${JSON.stringify(representation)} of this architecture (${arch.kind}). ` +
      `It offers ${offered.join(", ")}${more}.`,
  );
}

/** n of `nxcls`. */
function clsBlocks(representation: string): number | undefined {
  const n = /^([1-9]\d{0,2})xcls$/.exec(representation)?.[1];
  return n === undefined ? undefined : Number(n);
}

/** The final norm of a transformer, and what only CLIP has. */
export interface TokenHead {
  norm: string;
  eps: number;
  /** The joint embedding of normalised class tokens whose affine is not applied yet. */
  joint?(normalized: Value): Value;
}

/** A representation of a transformer's tokens: parts of the last block, or the class tokens of the last blocks. */
export function ofTokens(g: Graph, { blocks, tokens, dim }: Tokens, representation: Representation, head: TokenHead) {
  affineParams(g.param, head.norm, dim);
  const count = clsBlocks(representation);
  const row = (x: Value) => g.reshape(x, [-1, tokens * dim]);
  const cls = (x: Value) => g.columns(row(x), 0, dim);
  if (count !== undefined) {
    const normed = g.layerNorm(g.stack(blocks.slice(-count).map(cls), 1), head.norm, head.eps);
    return g.reshape(normed, [-1, count * dim]);
  }
  const parts = PARTS[representation];
  if (parts === undefined) throw new HubError("BUG", `Cannot build ${representation}: it is not of tokens.`);
  const last = blocks.at(-1)!;
  const needsAll = parts.some((part) => part === "avg" || part === "tokens");
  const all = needsAll ? row(g.normalize(last, head.eps)) : undefined;
  const patches = all && g.reshape(g.columns(all, dim, tokens * dim), [-1, tokens - 1, dim]);
  const needsCls = parts.some((part) => part === "cls" || part === "proj");
  const first = !needsCls ? undefined : all ? g.columns(all, 0, dim) : g.normalize(cls(last), head.eps);
  const values = parts.map((part) => {
    if (part === "proj") return head.joint!(first!);
    // The mean of what an affine gives is the affine of the mean.
    return g.affine(part === "cls" ? first! : part === "avg" ? g.mean(patches!) : patches!, head.norm);
  });
  if (values.length === 1) return values[0]!;
  if (representation === "cls+avg:interleaved") return g.reshape(g.stack(values, 2), [-1, 2 * dim]);
  return g.concat(values, 1);
}
