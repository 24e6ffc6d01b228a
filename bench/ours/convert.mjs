// convert: checkpoint file -> converted folder. read: every tensor of the file as float32, which is what torch.load does.
import { join } from "node:path";
import * as hub from "ssl-hub";
import { openCheckpoint } from "ssl-hub/converters";
import { peakMemory, serve, stopwatch } from "./serve.mjs";

const [what] = process.argv.slice(2);

const convert = ({ file, dir }) =>
  hub.convert(file, { model: "mocov2_rn50_ep800", out: join(dir, `converted-${process.pid}`) });

async function read({ file }) {
  const source = await openCheckpoint(file);
  const tensors = new Map();
  for (const name of source.names()) tensors.set(name, await source.read(name));
  await source.close();
}

await serve("this package", async (job) => {
  const before = peakMemory();
  const stop = stopwatch();
  await (what === "read" ? read(job) : convert(job));
  const time = stop();
  const peak = peakMemory();
  return { ...time, peak, rise: peak - before };
});
