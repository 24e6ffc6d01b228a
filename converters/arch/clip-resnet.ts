import type { ClipResnetArch } from "../../src/core/spec.ts";
import type { Graph, Value } from "../graph.ts";
import { asIs } from "../weights.ts";

const EXPANSION = 4;
const HEAD_SIZE = 64;

/** CLIP's ModifiedResNet: stem of three convolutions, blocks that stride by average pools. Output: the last feature map. */
export function clipResnet(g: Graph, a: ClipResnetArch): Value {
  let x = conv(g, g.input(a.size), "conv1", "bn1", { out: a.width / 2, kernel: 3, stride: 2, relu: true });
  x = conv(g, x, "conv2", "bn2", { out: a.width / 2, kernel: 3, relu: true });
  x = conv(g, x, "conv3", "bn3", { out: a.width, kernel: 3, relu: true });
  x = g.avgPool(x, 2);
  a.layers.forEach((blocks, stage) => {
    for (let i = 0; i < blocks; i++) {
      x = bottleneck(g, x, `layer${stage + 1}.${i}`, a.width * 2 ** stage, i === 0 && stage > 0 ? 2 : 1, i === 0);
    }
  });
  return x;
}

function bottleneck(g: Graph, x: Value, key: string, planes: number, stride: number, project: boolean): Value {
  const out = planes * EXPANSION;
  let y = conv(g, x, `${key}.conv1`, `${key}.bn1`, { out: planes, kernel: 1, relu: true });
  y = conv(g, y, `${key}.conv2`, `${key}.bn2`, { out: planes, kernel: 3, relu: true });
  y = conv(g, g.avgPool(y, stride), `${key}.conv3`, `${key}.bn3`, { out, kernel: 1 });
  const shortcut = project
    ? conv(g, g.avgPool(x, stride), `${key}.downsample.0`, `${key}.downsample.1`, { out, kernel: 1 })
    : x;
  return g.relu(g.add(y, shortcut));
}

/** Attention of the map's mean over all its positions and itself; heads of 64, no output projection. */
export function attentionPool(g: Graph, map: Value): Value {
  const [, h, w, dim] = map.shape as [number, number, number, number];
  const tokens = h * w + 1;
  const mean = g.mean(map);
  const all = g.concat([g.reshape(mean, [-1, 1, dim]), g.reshape(map, [-1, h * w, dim])], 1);
  const positions = asIs(g.param("attnpool.positional_embedding", [tokens, dim]), [1, tokens, dim]);
  const flat = g.reshape(g.addWeight(all, positions), [-1, tokens * dim]);
  const query = g.linear(g.columns(flat, 0, dim), "attnpool.q_proj", { out: dim, gain: () => HEAD_SIZE ** -0.5 });
  const rows = g.reshape(flat, [-1, dim]);
  const [k, v] = ["k", "v"].map((name) => g.linear(rows, `attnpool.${name}_proj`, { out: dim })) as [Value, Value];
  return g.queryAttention(query, k, v, tokens, dim / HEAD_SIZE);
}

function conv(
  g: Graph,
  x: Value,
  key: string,
  bn: string,
  o: { out: number; kernel: number; stride?: number; relu?: boolean },
): Value {
  return g.conv(x, key, { ...o, padding: o.kernel >> 1, bias: false, bn: { key: bn, eps: 1e-5 } });
}
