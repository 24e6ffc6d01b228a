import type { ConvnextArch } from "../../src/core/spec.ts";
import type { Graph, Value } from "../graph.ts";
import { ACTIVATIONS } from "../nodes.ts";

export const CONVNEXT_EPS = 1e-6;
const { before, after } = ACTIVATIONS.gelu;

/** ConvNeXt with the authors' keys. Output: the last feature map, without the final norm. */
export function convnext(g: Graph, a: ConvnextArch): Value {
  let x = g.conv(g.input(a.size), "downsample_layers.0.0", { out: a.dims[0]!, kernel: 4, stride: 4 });
  x = g.layerNorm(x, "downsample_layers.0.1", CONVNEXT_EPS);
  a.depths.forEach((blocks, stage) => {
    if (stage > 0) {
      const key = `downsample_layers.${stage}`;
      const normed = g.normalize(x, CONVNEXT_EPS);
      x = g.conv(normed, `${key}.1`, { out: a.dims[stage]!, kernel: 2, stride: 2, norm: `${key}.0` });
    }
    for (let i = 0; i < blocks; i++) x = block(g, a, x, `stages.${stage}.${i}`, a.dims[stage]!);
  });
  return x;
}

/** The linear maps over channels are 1x1 convolutions: no reshape is needed. */
function block(g: Graph, a: ConvnextArch, x: Value, key: string, dim: number): Value {
  let y = g.normalize(g.depthwise(x, `${key}.dwconv`, 7), CONVNEXT_EPS);
  y = g.conv(y, `${key}.pwconv1`, { out: 4 * dim, kernel: 1, norm: `${key}.norm`, gain: () => before });
  y = g.act(y, "gelu");
  const layerScale = a.layerScale ? `${key}.gamma` : undefined;
  y = g.conv(y, `${key}.pwconv2`, { out: dim, kernel: 1, inGain: after, layerScale });
  return g.add(x, y);
}
