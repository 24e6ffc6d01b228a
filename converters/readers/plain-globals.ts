import type { Making, Reducer } from "./pickle-objects.ts";

/** Classes and functions that any pickle may name, as data: containers, and the side data training scripts leave. */
export const PLAIN: readonly [string, Reducer][] = [
  ["collections.OrderedDict", { make: dictOf }],
  // The factory of missing values is never asked.
  ["collections.defaultdict", { make: () => new Map() }],
  ["argparse.Namespace", { make: () => new Map(), build: assign }],
  ...builtin("dict", { make: dictOf }),
  ...["list", "set", "frozenset", "tuple"].flatMap((name) => builtin(name, { make: listOf })),
  ...["bytes", "bytearray", "complex", "object"].flatMap((name) => builtin(name, { make: sideData })),
  ["_codecs.encode", { make: sideData }],
  ...["copy_reg", "copyreg"].map((module): [string, Reducer] => [`${module}._reconstructor`, { make: reconstruct }]),
];

/** One reducer for several names. */
export function each(names: string[], reducer: Reducer): [string, Reducer][] {
  return names.map((name) => [name, reducer]);
}

/** Python 2 and 3 spellings. */
export function builtin(name: string, reducer: Reducer): [string, Reducer][] {
  return each([`builtins.${name}`, `__builtin__.${name}`], reducer);
}

/** `(class, base, state)`: how protocols 0 and 1 make plain objects. */
function reconstruct([of]: readonly unknown[], vm: Making): unknown {
  return vm.make(of, []);
}

/** `OrderedDict()`, `OrderedDict([[key, value], ...])`. */
export function dictOf([items = []]: readonly unknown[], vm: Making): Map<unknown, unknown> {
  const pairs = items instanceof Map ? [...items] : items;
  if (!Array.isArray(pairs)) return vm.fail("makes a dict of what is none");
  vm.spend(pairs.length);
  return new Map(
    pairs.map((pair) => (Array.isArray(pair) ? [pair[0], pair[1]] : vm.fail("makes a dict of what is none"))),
  );
}

export function listOf([items = []]: readonly unknown[], vm: Making): unknown {
  if (!Array.isArray(items)) return sideData();
  vm.spend(items.length);
  return items.slice();
}

/** Values that no weight depends on: their place is kept, their content is not. */
export function sideData(): unknown {
  return {};
}

/** The state of a plain object: its attributes by name. */
export function assign(object: unknown, state: unknown): void {
  if (object instanceof Map && state instanceof Map) for (const [key, value] of state) object.set(key, value);
}
