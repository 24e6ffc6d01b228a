import { HubError, shortList } from "../../src/core/errors.ts";
import { damaged } from "./bytes.ts";
import { type Global, Late, Placeholder } from "./pickle-objects.ts";
import { TensorView } from "./tensor.ts";
import { isCounter } from "./views.ts";

const MAX_DEPTH = 100;
const MAX_NAME = 1000;
/** Shared containers are walked once for each name they have, so visits are counted and not objects. */
const MAX_VISITS = 2_000_000;

export interface Tree {
  /** Under full dotted names, in the order of the file. */
  tensors: Map<string, TensorView>;
  /** Objects of classes that are not known to be plain data, under their names. */
  opaque: Map<string, Global>;
}

/**
 * Flattens what a pickle holds to dotted names. Plain values are passed over, and so is `num_batches_tracked`; an
 * object that holds itself is entered once.
 * @throws HubError `CHECKPOINT` when the whole is an object of an unknown class, holds no tensor at all, two leaves
 * bear one name, or its size is absurd.
 * @param advice what to do about a file that is a whole object.
 */
export function flatten(root: unknown, name: string, advice: string): Tree {
  const tree: Tree = { tensors: new Map(), opaque: new Map() };
  const open = new Set<unknown>();
  let visits = 0;

  const leaf = <T>(map: Map<string, T>, path: string, value: T) => {
    if (tree.tensors.has(path) || tree.opaque.has(path)) throw damaged(`${name} holds two things named ${path}`);
    map.set(path, value);
  };
  const walk = (item: unknown, path: string): void => {
    const value = item instanceof Late ? item.content : item;
    if (++visits > MAX_VISITS) throw damaged(`${name} holds more than ${MAX_VISITS} values`);
    if (path.length > MAX_NAME) throw damaged(`${name} holds a name of more than ${MAX_NAME} letters`);
    if (value instanceof TensorView) {
      if (!isCounter(path)) leaf(tree.tensors, path, value);
    } else if (value instanceof Placeholder) leaf(tree.opaque, path, value.of);
    else if ((value instanceof Map || Array.isArray(value)) && !open.has(value)) {
      if (open.size >= MAX_DEPTH) throw damaged(`${name} nests more than ${MAX_DEPTH} deep at ${path.slice(0, 100)}`);
      open.add(value);
      for (const [key, child] of value.entries()) walk(child, path === "" ? keyText(key) : `${path}.${keyText(key)}`);
      open.delete(value);
    }
  };
  if (root instanceof Placeholder) throw wholeObject(name, root.of, advice);
  walk(root, "");
  if (tree.tensors.size === 0 || tree.tensors.has("")) throw noTensors(name, root, tree);
  return tree;
}

/** Names of dictionary keys: text as it is; numbers, and tuples of them, as Python would print them. */
function keyText(key: unknown): string {
  if (typeof key === "string") return key;
  return Array.isArray(key)
    ? `(${key.map((part) => (Array.isArray(part) ? "..." : keyText(part))).join(", ")})`
    : String(key);
}

/** The objects of unknown classes as a source reports them: name, and what made it. */
export const opaqueOf = ({ opaque }: Tree, name: string) =>
  new Map([...opaque].map(([path, global]) => [path, whereIs(global, name)]));

/** How a class or function that is not allowed is told to the user. */
export const whereIs = (global: Global, name: string) =>
  `${global.name.slice(0, 200)} (byte ${global.offset} of ${name})`;

function wholeObject(name: string, global: Global, advice: string): HubError {
  return new HubError(
    "CHECKPOINT",
    `Cannot read the checkpoint: it holds not a dictionary of tensors but a whole object made by ${whereIs(global, name)}, ` +
      `which would run code to load. ${advice}`,
    { details: { global: global.name, offset: global.offset } },
  );
}

function noTensors(name: string, root: unknown, { tensors, opaque }: Tree): HubError {
  const [first] = opaque.entries();
  const keys = root instanceof Map ? shortList([...root.keys()].map(keyText)) : "";
  const found =
    first !== undefined
      ? `its "${first[0]}" is an object made by ${whereIs(first[1], name)}, which would run code to load`
      : tensors.size > 0
        ? `${name} holds a single tensor without a name`
        : `${name} holds no tensor${keys === "" ? "" : `; its keys are ${keys}`}`;
  const details = first === undefined ? {} : { global: first[1].name, offset: first[1].offset };
  return new HubError("CHECKPOINT", `Cannot read the checkpoint: ${found}. A state_dict is needed.`, { details });
}
