import { HubError, shortList } from "../src/core/errors.ts";
import type { KeyRule } from "../src/core/spec.ts";
import { elementsOf, gather } from "./readers/tensor.ts";
import type { TensorSource } from "./source.ts";

/** A tensor of a layer under its new name: what it is, and how it is read from the layer below. */
interface Entry {
  meta: ReturnType<TensorSource["meta"]>;
  read(signal?: AbortSignal): Promise<Float32Array>;
}
type Entries = Map<string, Entry>;
/** Tensors, and objects that cannot be read, by name. */
interface Layer {
  tensors: Entries;
  opaque: Map<string, string>;
}

/**
 * The source as it reads under key rules, top to bottom. Nothing is read here but names and shapes; closing the result
 * closes the source.
 * @throws HubError `KEYS` when a rule matches nothing (but for `drop`), does not fit the shapes, or gives two tensors
 * one name; `CHECKPOINT` when an object that only foreign code could make stands on the way to the tensors, or among
 * those the rules leave.
 */
export function withRules(source: TensorSource, rules: readonly KeyRule[]): TensorSource {
  const bottom: Layer = {
    tensors: new Map(
      [...source.names()].map((name) => [
        name,
        { meta: source.meta(name), read: (signal) => source.read(name, signal) },
      ]),
    ),
    opaque: new Map(source.opaque),
  };
  const { tensors, opaque } = rules.reduce(apply, bottom);
  for (const [name, what] of opaque) throw unreadable(name, what);
  const find = (name: string): Entry => {
    const entry = tensors.get(name);
    if (entry === undefined) throw new HubError("KEYS", `Cannot read ${name}: the rules leave no such tensor.`);
    return entry;
  };
  return {
    format: source.format,
    names: () => tensors.keys(),
    meta: (name) => find(name).meta,
    read: async (name, signal) => find(name).read(signal),
    close: () => source.close(),
  };
}

function apply(layer: Layer, rule: KeyRule): Layer {
  if ("take" in rule) return take(layer, [rule.take].flat());
  if ("drop" in rule) return drop(layer, rule.drop);
  const { tensors } = layer;
  if ("rename" in rule) return { ...layer, tensors: rename(tensors, rule.rename, rule.to) };
  if ("copy" in rule) return { ...layer, tensors: copy(tensors, rule.copy, rule.to) };
  if ("permute" in rule) return { ...layer, tensors: each(tensors, rule.permute, permuted(rule.axes), "permute") };
  if ("reshape" in rule) return { ...layer, tensors: each(tensors, rule.reshape, reshaped(rule.shape), "reshape") };
  return { ...layer, tensors: concat(tensors, rule.concat, rule.axis, rule.to) };
}

function take({ tensors, opaque }: Layer, prefixes: string[]): Layer {
  const names = [...tensors.keys()];
  const prefix = prefixes.find((candidate) => names.some((name) => name.startsWith(candidate)));
  if (prefix === undefined) {
    for (const [name, what] of opaque) {
      const onTheWay = prefixes.some((wanted) => wanted.startsWith(`${name}.`) || name.startsWith(wanted));
      if (onTheWay) throw unreadable(name, what);
    }
    const wanted = prefixes.map((text) => JSON.stringify(text)).join(" or ");
    throw keysError(`nothing in the checkpoint is under ${wanted}. It holds ${topOf(names)}`, { take: prefixes });
  }
  const strip = <T>(map: Map<string, T>) =>
    new Map(
      [...map].flatMap(([name, value]): [string, T][] =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
      ),
    );
  return { tensors: strip(tensors), opaque: strip(opaque) };
}

function drop({ tensors, opaque }: Layer, rule: RegExp): Layer {
  const pattern = once(rule);
  const keep = <T>(map: Map<string, T>) => new Map([...map].filter(([name]) => !pattern.test(name)));
  return { tensors: keep(tensors), opaque: keep(opaque) };
}

function rename(tensors: Entries, rule: RegExp, to: string): Entries {
  const pattern = once(rule);
  matching(tensors, pattern, "rename");
  return unique([...tensors].map(([name, entry]) => [name.replace(pattern, to), entry]));
}

function copy(tensors: Entries, from: string, to: string[]): Entries {
  const shared = tensors.get(from);
  if (shared === undefined) throw missing("copy", [from], tensors);
  return unique(
    [...tensors].flatMap(([name, entry]): [string, Entry][] =>
      name === from ? to.map((target) => [target, shared]) : [[name, entry]],
    ),
  );
}

function each(tensors: Entries, rule: RegExp, change: (entry: Entry) => Entry | string, verb: string): Entries {
  const hits = new Set(matching(tensors, once(rule), verb));
  return new Map(
    [...tensors].map(([name, entry]): [string, Entry] => {
      if (!hits.has(name)) return [name, entry];
      const changed = change(entry);
      if (typeof changed === "string") throw keysError(`${verb} ${changed} does not fit ${name} [${entry.meta.shape}]`);
      return [name, changed];
    }),
  );
}

const permuted = (axes: number[]) => (entry: Entry) => {
  const { dtype, shape } = entry.meta;
  if (String([...axes].sort((a, b) => a - b)) !== String(shape.map((_, i) => i))) return `[${axes}]`;
  const strides = axes.map((axis) => elementsOf(shape.slice(axis + 1)));
  const permutedShape = axes.map((axis) => shape[axis]!);
  const read = async (signal?: AbortSignal) => gather(await entry.read(signal), permutedShape, strides);
  return { meta: { dtype, shape: permutedShape }, read };
};

const reshaped = (wanted: number[]) => (entry: Entry) => {
  const count = elementsOf(entry.meta.shape);
  const given = elementsOf(wanted.filter((n) => n !== -1));
  const shape = wanted.map((n) => (n === -1 ? count / given : n));
  if (elementsOf(shape) !== count || !shape.every(Number.isInteger)) return `to [${wanted}]`;
  return { meta: { dtype: entry.meta.dtype, shape }, read: entry.read };
};

function concat(tensors: Entries, parts: string[] | RegExp[], axis: number, to: string): Entries {
  const groups = parts.every((part) => typeof part === "string")
    ? new Map([[to, parts]])
    : groupsOf([...tensors.keys()], parts as RegExp[], to);
  const absent = [...groups.values()].flat().filter((name) => !tensors.has(name));
  if (absent.length > 0 || groups.size === 0 || parts.length === 0) {
    throw missing("concat", groups.size === 0 ? parts.map(String) : absent, tensors);
  }
  const used = new Set([...groups.values()].flat());
  const rest = [...tensors].filter(([name]) => !used.has(name));
  return unique([...rest, ...[...groups].map(([name, from]): [string, Entry] => [name, join(tensors, from, axis)])]);
}

/** Names of parts by the name they get together: of each group, in the order of the patterns. */
function groupsOf(names: string[], patterns: RegExp[], to: string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  patterns.map(once).forEach((pattern, part) => {
    for (const name of names) {
      if (!pattern.test(name)) continue;
      const target = name.replace(pattern, to);
      const group = groups.get(target) ?? patterns.map((wanted) => `${wanted} of ${target}`);
      group[part] = name;
      groups.set(target, group);
    }
  });
  return groups;
}

function join(tensors: Entries, names: string[], axis: number): Entry {
  const parts = names.map((name) => tensors.get(name)!);
  const others = (entry: Entry) => String(entry.meta.shape.filter((_, i) => i !== axis));
  const rank = parts[0]!.meta.shape.length;
  if (axis < 0 || axis >= rank || parts.some((p) => p.meta.shape.length !== rank || others(p) !== others(parts[0]!))) {
    const shapes = names.map((name, i) => `${name} [${parts[i]!.meta.shape}]`);
    throw keysError(`concat along axis ${axis} does not fit ${shortList(shapes)}`);
  }
  return joinedEntry(parts, axis);
}

function joinedEntry(parts: Entry[], axis: number): Entry {
  const shape = [...parts[0]!.meta.shape];
  shape[axis] = parts.reduce((sum, part) => sum + part.meta.shape[axis]!, 0);
  const sameType = parts.every((part) => part.meta.dtype === parts[0]!.meta.dtype);
  const read = async (signal?: AbortSignal) => {
    const out = new Float32Array(elementsOf(shape));
    const row = elementsOf(shape.slice(axis));
    let column = 0;
    for (const part of parts) {
      const width = elementsOf(part.meta.shape.slice(axis));
      const values = await part.read(signal);
      for (let from = 0, at = column; from < values.length; from += width, at += row) {
        out.set(values.subarray(from, from + width), at);
      }
      column += width;
    }
    return out;
  };
  return { meta: { dtype: sameType ? parts[0]!.meta.dtype : "float32", shape }, read };
}

/** The same pattern without the flags that would make it remember its last match. */
const once = (pattern: RegExp) => new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));

function matching(tensors: Entries, pattern: RegExp, verb: string): string[] {
  const names = [...tensors.keys()].filter((name) => pattern.test(name));
  if (names.length === 0) throw missing(verb, [String(pattern)], tensors);
  return names;
}

function unique(entries: [string, Entry][]): Entries {
  const map: Entries = new Map();
  for (const [name, entry] of entries) {
    if (map.has(name)) throw keysError(`two tensors would be named ${name}`);
    map.set(name, entry);
  }
  return map;
}

const missing = (verb: string, what: string[], tensors: Entries) =>
  keysError(`${verb} finds no ${shortList(what)}. There is ${topOf([...tensors.keys()])}`);

/** The tree of names, cut near the top: `state_dict.module.encoder_q.* (160)`. */
function topOf(names: string[]): string {
  if (names.length <= 10) return names.length === 0 ? "nothing" : names.join(", ");
  const groups = new Map<string, number>();
  for (const name of names) {
    const parts = name.split(".");
    const top = parts.length > 3 ? `${parts.slice(0, 3).join(".")}.*` : parts.length > 1 ? `${parts[0]}.*` : name;
    groups.set(top, (groups.get(top) ?? 0) + 1);
  }
  return shortList([...groups].map(([top, n]) => (n === 1 ? top : `${top} (${n})`)));
}

function keysError(found: string, details: Record<string, unknown> = {}): HubError {
  return new HubError(
    "KEYS",
    `Cannot apply the key rules: ${found}. The checkpoint may be of another model or another release.`,
    { details },
  );
}

function unreadable(name: string, what: string): HubError {
  return new HubError(
    "CHECKPOINT",
    `Cannot read the checkpoint: its "${name}", where the tensors are looked for, is an object made by ${what}, ` +
      "which would run code to load. Nothing was run. Save plain tensors with torch.save(model.state_dict(), path).",
    { details: { name, global: what } },
  );
}
