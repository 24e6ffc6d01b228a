import { HubError, shortList } from "../src/core/errors.ts";
import type { Graph } from "./graph.ts";
import type { TensorSource } from "./source.ts";

/**
 * Holds a source against what an architecture needs, as PyTorch's `load_state_dict(strict=True)`, before any tensor is
 * read. Shapes are compared without their dimensions of size 1: `cls_token [1,1,384]` may be stored as `[384]`.
 * @throws HubError `KEYS` listing all missing, unexpected and mis-shaped keys at once.
 */
export function checkKeys(graph: Graph, source: TensorSource, name: string): void {
  const params = new Map(graph.params.map((param) => [param.key, param.shape]));
  const found = new Set(source.names());
  const missing = [...params.keys()].filter((key) => !found.has(key));
  const unexpected = [...found].filter((key) => !params.has(key));
  const misshaped = [...params]
    .filter(([key, shape]) => found.has(key) && squeezed(source.meta(key).shape) !== squeezed(shape))
    .map(([key, shape]) => `${key} is [${source.meta(key).shape}], should be [${shape}]`);
  if (missing.length + unexpected.length + misshaped.length === 0) return;
  const part = (what: string, list: string[]) =>
    `${list.length} ${what}${list.length === 0 ? "" : ` (${shortList(list)})`}`;
  throw new HubError(
    "KEYS",
    `Cannot convert ${name}: ${part("keys missing", missing)}, ${part("unexpected", unexpected)}, ${part("mis-shaped", misshaped)}. ` +
      "The checkpoint may be of another architecture, or wrap its state_dict in another way.",
    { details: { name, missing, unexpected, misshaped } },
  );
}

const squeezed = (shape: readonly number[]) => String(shape.filter((n) => n !== 1));
