import type { ResnetArch } from "../../src/core/spec.ts";
import type { Graph, Value } from "../graph.ts";
import type { Padding } from "../nodes.ts";

/** Channels of a stage's output over those of its 3x3 convolution. */
const EXPANSION = 4;
/** Channels inside the bottleneck that changes z_dim. */
const RESIZER_WIDTH = 512;

/** Bottleneck ResNet v1.5 with torchvision's keys: the stride sits on the 3x3 convolution. Output: the last feature map. */
export function resnet(g: Graph, a: ResnetArch): Value {
  const { kernel, stride, pool } = a.stem;
  let x = conv(g, a, g.input(a.size), "conv1", "bn1", { out: a.width, kernel, stride, relu: true });
  if (pool) x = g.maxPool(x, 3, 2, padding(a, 3));
  a.layers.forEach((blocks, stage) => {
    for (let i = 0; i < blocks; i++) {
      x = bottleneck(g, a, x, `layer${stage + 1}.${i}`, a.width * 2 ** stage, i === 0 && stage > 0 ? 2 : 1, i === 0);
    }
  });
  return a.resizer === undefined ? x : resizer(g, a, x, a.resizer);
}

function bottleneck(
  g: Graph,
  a: ResnetArch,
  x: Value,
  key: string,
  planes: number,
  stride: number,
  project: boolean,
): Value {
  const inner = planes * (a.innerWidthFactor ?? 1);
  const out = planes * EXPANSION;
  let y = conv(g, a, x, `${key}.conv1`, `${key}.bn1`, { out: inner, kernel: 1, relu: true });
  y = conv(g, a, y, `${key}.conv2`, `${key}.bn2`, { out: inner, kernel: 3, stride, relu: true });
  y = conv(g, a, y, `${key}.conv3`, `${key}.bn3`, { out, kernel: 1 });
  const shortcut = project
    ? conv(g, a, x, `${key}.downsample.0`, `${key}.downsample.1`, { out, kernel: 1, stride })
    : x;
  return g.relu(g.add(y, shortcut));
}

/** The risk decomposition paper's bottleneck between the last map and the pool; the input is tiled to be added. */
function resizer(g: Graph, a: ResnetArch, x: Value, { dim, residual }: NonNullable<ResnetArch["resizer"]>): Value {
  let y = conv(g, a, x, "resizer.conv1", "resizer.bn1", { out: RESIZER_WIDTH, kernel: 1, relu: true });
  y = conv(g, a, y, "resizer.conv2", "resizer.bn2", { out: RESIZER_WIDTH, kernel: 3, relu: true });
  y = conv(g, a, y, "resizer.conv3", "resizer.bn3", { out: dim, kernel: 1, relu: !residual });
  if (!residual) return y;
  const copies = Array.from({ length: dim / x.shape[3]! }, () => x);
  return g.relu(g.add(y, copies.length === 1 ? x : g.concat(copies, 3)));
}

const padding = ({ padding }: ResnetArch, kernel: number): Padding => (padding === "same" ? "same" : kernel >> 1);

function conv(
  g: Graph,
  a: ResnetArch,
  x: Value,
  key: string,
  bn: string,
  o: { out: number; kernel: number; stride?: number; relu?: boolean },
): Value {
  return g.conv(x, key, { ...o, padding: padding(a, o.kernel), bias: false, bn: { key: bn, eps: 1e-5 } });
}
