import type { ResnetArch } from "../../src/core/spec.ts";
import type { Graph, Value } from "../graph.ts";

/** Channels of a stage's output over those of its 3x3 convolution. */
const EXPANSION = 4;

/** Bottleneck ResNet v1.5 with torchvision's keys: the stride sits on the 3x3 convolution. Output `[-1, z_dim]`. */
export function resnet(g: Graph, a: ResnetArch): Value {
  const { kernel, stride, pool } = a.stem;
  let x = conv(g, g.input(a.size), "conv1", "bn1", a.width, kernel, stride, true);
  if (pool) x = g.maxPool(x, 3, 2, 1);
  a.layers.forEach((blocks, stage) => {
    for (let i = 0; i < blocks; i++) {
      x = bottleneck(g, x, `layer${stage + 1}.${i}`, a.width * 2 ** stage, i === 0 && stage > 0 ? 2 : 1, i === 0);
    }
  });
  return g.mean(x);
}

function bottleneck(g: Graph, x: Value, key: string, planes: number, stride: number, project: boolean): Value {
  const out = planes * EXPANSION;
  let y = conv(g, x, `${key}.conv1`, `${key}.bn1`, planes, 1, 1, true);
  y = conv(g, y, `${key}.conv2`, `${key}.bn2`, planes, 3, stride, true);
  y = conv(g, y, `${key}.conv3`, `${key}.bn3`, out, 1, 1, false);
  const shortcut = project ? conv(g, x, `${key}.downsample.0`, `${key}.downsample.1`, out, 1, stride, false) : x;
  return g.relu(g.add(y, shortcut));
}

function conv(
  g: Graph,
  x: Value,
  key: string,
  bn: string,
  out: number,
  kernel: number,
  stride: number,
  relu: boolean,
): Value {
  return g.conv(x, key, { out, kernel, stride, padding: kernel >> 1, bn: { key: bn, eps: 1e-5 }, relu });
}
