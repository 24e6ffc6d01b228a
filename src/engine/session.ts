import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { registerOp } from "@tensorflow/tfjs-converter";
import type { Tensor } from "@tensorflow/tfjs-core";
import { HubError, messageOf } from "../core/errors.ts";
import type { Rewrite } from "./graph-model.ts";
import { type GraphNode, nodeName } from "./kernels/fuse.ts";
import { savedModel, TAG } from "./saved-model.ts";

/** What tfjs-node's backend offers for SavedModels. */
export interface SessionBackend {
  loadSavedModelMetaGraph(folder: string, tags: string): number;
  runSavedModel(id: number, inputs: Tensor[], infos: { name: string }[], outputs: string[]): Tensor[];
  deleteSavedModel(id: number): void;
}

/** The operation that stands for a whole graph. */
const OP = "HubSession";

/** A session's inputs and outputs, as TensorFlow calls them. */
interface Session {
  inputs: { name: string }[];
  outputs: string[];
}

/**
 * Graphs in one session of TensorFlow each, in place of a call for every node: there it joins convolutions and linear maps
 * with what follows them, and takes back memory at once. The graph that TF.js has left is one node, fed with input and weights.
 */
export function sessions(backend: SessionBackend, register: typeof registerOp): Rewrite {
  const open = new Map<number, Session>();
  register(OP, (node) => {
    const id = Number(node.attrs.session);
    const session = open.get(id);
    if (session === undefined) throw new Error("Cannot run the model: it was disposed of. Load it again.");
    const { inputs, outputs } = session;
    return backend.runSavedModel(id, node.inputs, inputs, outputs);
  });
  return async (nodes, constants, names, model) => {
    const { bytes, fed } = savedModel(nodes, constants);
    const id = await load(backend, bytes, model);
    const outputs = names.map((name) => (/:\d+$/.test(name) ? name : `${name}:0`));
    open.set(id, { inputs: fed.map((name) => ({ name: `${name}:0` })), outputs });
    const dispose = () => {
      if (open.delete(id)) backend.deleteSavedModel(id);
    };
    return { nodes: [...nodes.filter(({ name }) => fed.includes(name)), ...one(id, fed, names)], dispose };
  };
}

/** The node of the session, and one for each output under its name. */
function one(id: number, fed: readonly string[], names: readonly string[]): GraphNode[] {
  const name = `session${id}`;
  const outputs = names.map((output, i) => ({
    name: nodeName(output),
    op: "Identity",
    input: [i === 0 ? name : `${name}:${i}`],
    attr: { T: { type: "DT_FLOAT" } },
  }));
  return [{ name, op: OP, input: [...fed], attr: { session: { i: String(id) } } }, ...outputs];
}

/** TensorFlow reads a SavedModel from a folder, once. */
async function load(backend: SessionBackend, bytes: Uint8Array, model: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "ssl-hub-graph-"));
  try {
    await writeFile(join(folder, "saved_model.pb"), bytes);
    return backend.loadSavedModelMetaGraph(folder, TAG);
  } catch (cause) {
    const found = `Cannot load ${model} into TensorFlow: ${messageOf(cause).split("\n")[0]}.`;
    throw new HubError("ENGINE", `${found} SSL_HUB_KERNELS=off computes it node by node.`, { cause });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
