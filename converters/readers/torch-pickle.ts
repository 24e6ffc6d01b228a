import type { DType } from "./dtype.ts";
import type { PickleOptions } from "./pickle.ts";
import { type AllowList, Global, type Making, Placeholder, type Reducer } from "./pickle-objects.ts";
import { assign, each, listOf, PLAIN, sideData } from "./plain-globals.ts";
import { faultOf, type Storage, TensorView } from "./tensor.ts";

const STORAGES: Record<string, DType> = {
  Double: "float64",
  Float: "float32",
  Half: "float16",
  BFloat16: "bfloat16",
  Long: "int64",
  Int: "int32",
  Short: "int16",
  Char: "int8",
  Byte: "uint8",
  Bool: "bool",
};

/**
 * What a checkpoint of tensors may name, as data. It is torch's own weights-only list where that is plain data, and the
 * side data training scripts leave. Everything else is an inert placeholder.
 */
const ALLOWED: ReadonlyMap<string, Reducer> = new Map<string, Reducer>([
  ["torch._utils._rebuild_tensor", { make: rebuildTensor }],
  ["torch._utils._rebuild_tensor_v2", { make: rebuildTensor }],
  ["torch._utils._rebuild_parameter", { make: ([tensor]) => tensor }],
  ["torch._utils._rebuild_parameter_with_state", { make: ([tensor]) => tensor }],
  ["torch._tensor._rebuild_from_type_v2", { make: rebuildFromType }],
  ...each(["torch.Tensor", "torch.nn.parameter.Parameter"], {}),
  ["torch.Size", { make: ([sizes]) => sizes }],
  ...each(["torch.device", "torch.serialization._get_layout"], { make: sideData }),
  ...each(
    "float16 float32 float64 bfloat16 complex32 complex64 complex128 int8 int16 int32 int64 uint8 bool strided"
      .split(" ")
      .map((dtype) => `torch.${dtype}`),
    {},
  ),
  ...PLAIN,
  // numpy values beside the weights: losses, meters, schedules.
  ...["numpy.core.multiarray", "numpy._core.multiarray"].flatMap((module) =>
    each([`${module}.scalar`, `${module}._reconstruct`], { make: sideData }),
  ),
  ...each(["numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"], { make: sideData }),
  ...each(["numpy.dtype", "numpy.ndarray"], { make: sideData }),
]);

/**
 * What a TorchScript archive may name beside: its own classes, which are modules (records of attributes), and lists of
 * one type. The classes' code lies in the archive too, and is not looked at.
 */
const SCRIPT: ReadonlyMap<string, Reducer> = new Map<string, Reducer>([
  ...ALLOWED,
  ...each(
    ["int", "double", "bool", "tensor"].map((type) => `torch.jit._pickle.build_${type}list`),
    { make: listOf },
  ),
  ["torch.jit._pickle.restore_type_tag", { make: ([value]) => value }],
]);
const MODULE: Reducer = { make: () => new Map(), build: assign };
const isModule = (name: string) => name.startsWith("__torch__.");

export const TORCH: AllowList = ALLOWED;
export const TORCHSCRIPT: AllowList = {
  has: (name) => SCRIPT.has(name) || isModule(name),
  get: (name) => SCRIPT.get(name) ?? (isModule(name) ? MODULE : undefined),
};

/** Reading options for a torch pickle; every storage it refers to is put into `storages`, by key. */
export function torchPickle(name: string, storages: Map<string, Storage>, allow: AllowList = TORCH): PickleOptions {
  return { name, allow, persistentLoad: (id) => persistent(id, storages) };
}

/** `("storage", class, key, device, elements[, view])`, or `("module", class, source file, source)` in a whole model. */
function persistent(id: unknown, storages: Map<string, Storage>): unknown {
  if (!Array.isArray(id)) return undefined;
  const [kind, of, key, , total, view] = id;
  if (kind === "module") return of;
  if (kind !== "storage" || !(of instanceof Global) || typeof key !== "string" || !isCount(total)) return undefined;
  const dtype = STORAGES[/^torch\.(?:cuda\.)?(\w+)Storage$/.exec(of.name)?.[1] ?? ""];
  // Quantised, complex and untyped storages: their tensors are of no use to us, and the rest of the file may be.
  if (dtype === undefined) return new Placeholder(of, []);
  const root: Storage = storages.get(key) ?? { key, dtype, total, first: 0, count: total };
  if (root.dtype !== dtype || root.total !== total) return undefined;
  storages.set(key, root);
  if (view === undefined || view === null) return root;
  const [, first, count] = Array.isArray(view) ? view : [];
  return isCount(first) && isCount(count) && first + count <= total ? { ...root, first, count } : undefined;
}

const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;

/** `(storage, offset, size, stride, ...)`: what follows concerns gradients. */
function rebuildTensor([storage, offset, size, stride]: readonly unknown[], vm: Making): unknown {
  if (storage instanceof Placeholder) return new Placeholder(storage.of, []);
  const isStorage = typeof storage === "object" && storage !== null && "total" in storage;
  if (!isStorage || !Array.isArray(size) || !Array.isArray(stride))
    return vm.fail("makes a tensor of what is no storage");
  const view = new TensorView(storage as Storage, offset as number, size, stride);
  const fault = faultOf(view);
  return fault === undefined ? view : vm.fail(`makes ${fault}`);
}

/** `(function, type, arguments, state)`: a tensor with Python attributes, or of a subclass. */
function rebuildFromType([make, type, args]: readonly unknown[], vm: Making): unknown {
  const plain = type instanceof Global && /^torch\.(Tensor|nn\.parameter\.Parameter)$/.test(type.name);
  if (plain && Array.isArray(args)) return vm.make(make, args);
  return vm.make(type, [args]);
}
