import { ITEM_BYTES } from "./dtype.ts";
import { numpyDType } from "./numpy-dtype.ts";
import { Span } from "./pickle-cursor.ts";
import { type AllowList, type Global, Late, Made, type Making, Placeholder, type Reducer } from "./pickle-objects.ts";
import { assign, builtin, dictOf, each, PLAIN, sideData } from "./plain-globals.ts";
import { contiguous, faultOf, type Storage } from "./tensor.ts";

/** The bytes of an array: at hand, or left in the file; dill and protocol 2 write them as text, one letter a byte. */
export interface RawData {
  bytes: Uint8Array | Span;
  bigEndian: boolean;
}

/** What `_codecs.encode(text, "latin1")` stands for, its text left in the file. */
class Latin1 {
  readonly text: Span;
  constructor(text: Span) {
    this.text = text;
  }
}

/** A dtype under construction: numpy gives its byte order by BUILD. */
class DTypeOf {
  readonly of: Global;
  readonly kind: string;
  order = "<";
  constructor(of: Global, kind: string) {
    this.of = of;
    this.kind = kind;
  }
}

const NUMPY_CORES = ["numpy.core", "numpy._core"];
const MAPPINGS = ["frozendict", "FlatMapping", "FlatMap"].map((name) => `haiku._src.data_structures.${name}`);

/**
 * What a pickle of numpy arrays may name, as Haiku models are saved: by pickle or dill, in dicts, named tuples and
 * Haiku's mappings. The bytes of every array are entered in `arrays`, under its storage's key.
 */
export function numpyGlobals(arrays: Map<string, RawData>): AllowList {
  const fill = (array: Late, parts: ArrayParts, vm: Making) => {
    array.content = arrayOf(parts, String(arrays.size), arrays, vm);
  };
  const build = (array: unknown, state: unknown, vm: Making) => {
    if (!(array instanceof Late) || !Array.isArray(state)) return vm.fail("makes an array of what is none");
    const [, shape, dtype, fortran, bytes] = state;
    return fill(array, { shape, dtype, fortran: fortran === true, bytes }, vm);
  };
  const frombuffer = ([bytes, dtype, shape, order]: readonly unknown[], vm: Making) => {
    const array = new Late();
    fill(array, { shape, dtype, fortran: order === "F", bytes }, vm);
    return array;
  };
  return new Map<string, Reducer>([
    ...PLAIN,
    ["_codecs.encode", { make: encode }],
    // How protocol 2 writes no bytes at all.
    ...builtin("bytes", { make: (args) => (args.length === 0 ? new Uint8Array(0) : sideData()) }),
    ["numpy.ndarray", {}],
    ["numpy.dtype", { make: dtypeOf, build: setOrder }],
    ...NUMPY_CORES.flatMap((core) => [
      ...each([`${core}.multiarray._reconstruct`, `${core}._multiarray_umath._reconstruct`], {
        make: () => new Late(),
        build,
      }),
      ...each([`${core}.multiarray.scalar`, `${core}._multiarray_umath.scalar`], { make: sideData }),
      ...each([`${core}.numeric._frombuffer`], { make: frombuffer }),
    ]),
    ...each(MAPPINGS, { make: mapping, build: assignMapping }),
    ["dill._dill._create_namedtuple", { make: namedTuple }],
    ["dill._dill._create_array", { make: createArray }],
    ["dill._dill._import_module", { make: ([name]) => new Module(name) }],
    ["dill._dill._get_attr", { make: attribute }],
    ["dill._dill._load_type", { make: ([name], vm) => vm.global("builtins", name) }],
  ]);
}

interface ArrayParts {
  shape: unknown;
  dtype: unknown;
  fortran: boolean;
  bytes: unknown;
}

/** The array as a tensor, or a placeholder for one whose elements are no numbers. */
function arrayOf({ shape, dtype, fortran, bytes }: ArrayParts, key: string, arrays: Map<string, RawData>, vm: Making) {
  if (!(dtype instanceof DTypeOf) || !Array.isArray(shape)) return vm.fail("makes an array of what is none");
  const type = numpyDType((/^[<>|=]/.test(dtype.kind) ? "" : dtype.order) + dtype.kind);
  if (type === undefined) return new Placeholder(dtype.of, []);
  // Also checks the shape's numbers, before anything is computed of them.
  const sizes = shape.every((n) => Number.isSafeInteger(n) && n >= 0)
    ? (shape as number[])
    : vm.fail("has a bad shape");
  const view = contiguous(key, type.dtype, sizes, fortran ? "F" : "C");
  const fault = faultOf(view) ?? faultOfData(bytes, view.storage);
  if (fault !== undefined) return vm.fail(`makes ${fault}`);
  const raw = bytes instanceof Latin1 ? bytes.text : (bytes as Uint8Array | Span);
  arrays.set(key, { bytes: raw, bigEndian: type.bigEndian });
  return view;
}

/** Why the bytes cannot be the array's. Of a text in UTF-8 each byte takes one or two. */
function faultOfData(bytes: unknown, { count, dtype }: Storage): string | undefined {
  const size = count * ITEM_BYTES[dtype];
  const fits =
    bytes instanceof Latin1
      ? bytes.text.length >= size && bytes.text.length <= 2 * size
      : (bytes instanceof Uint8Array || (bytes instanceof Span && bytes.kind === "bytes")) && bytes.length === size;
  return fits ? undefined : `an array of ${size} bytes of what is something else`;
}

/** `encode(text, "latin1")`: the bytes whose numbers are the text's letters. */
function encode([text, encoding]: readonly unknown[], vm: Making): unknown {
  const isLatin = typeof encoding === "string" && /^latin-?1$/.test(encoding);
  if (isLatin && text instanceof Span && text.kind === "text") return new Latin1(text);
  if (!isLatin || typeof text !== "string") return sideData();
  const bytes = Buffer.from(text, "latin1");
  return bytes.toString("latin1") === text ? new Uint8Array(bytes) : vm.fail("has bytes above 255");
}

/** `dtype("f4", False, True)`. */
function dtypeOf([kind]: readonly unknown[], vm: Making): unknown {
  if (typeof kind !== "string" || kind.length > 100) return vm.fail("names a dtype by what is no text");
  return new DTypeOf(vm.global("numpy", `dtype(${JSON.stringify(kind)})`), kind);
}

/** The state of a dtype: `(version, byte order, ...)`. */
function setOrder(dtype: unknown, state: unknown): void {
  const order = Array.isArray(state) ? state[1] : undefined;
  if (dtype instanceof DTypeOf && typeof order === "string") dtype.order = order;
}

/** `frozendict(dict)`. */
function mapping([items]: readonly unknown[], vm: Making): unknown {
  return items === undefined || items === null ? new Map() : dictOf([items], vm);
}

/** The state of a mapping: its attributes, one of them the dict. */
function assignMapping(object: unknown, state: unknown): void {
  if (state instanceof Map) for (const items of state.values()) assign(object, items);
}

/** `_create_namedtuple(name, fields, module)` makes a class; its objects are made of a tuple of the fields' values. */
function namedTuple([, fields]: readonly unknown[], vm: Making): unknown {
  if (!Array.isArray(fields) || !fields.every((field) => typeof field === "string")) {
    return vm.fail("makes a named tuple without names");
  }
  const make = (values: readonly unknown[]) => {
    if (values.length !== fields.length) return vm.fail(`gives ${values.length} values to ${fields.length} fields`);
    vm.spend(values.length);
    return new Map(fields.map((field, i) => [field, values[i]]));
  };
  return new Made({ make });
}

/** `_create_array(function, arguments, state, attributes)`: what numpy's own reduction would have spread over two opcodes. */
function createArray([of, args, state]: readonly unknown[], vm: Making): unknown {
  if (!Array.isArray(args)) return vm.fail("makes an array of what is none");
  const array = vm.make(of, args);
  vm.build(array, state);
  return array;
}

/** What `_import_module(name)` stands for: a name, nothing is imported. */
class Module {
  readonly name: unknown;
  constructor(name: unknown) {
    this.name = name;
  }
}

/** `_get_attr(module, name)`: a class or function, as GLOBAL names it. */
function attribute([module, name]: readonly unknown[], vm: Making): unknown {
  return vm.global(module instanceof Module ? module.name : undefined, name);
}
