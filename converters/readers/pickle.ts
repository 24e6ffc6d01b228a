import { type Bytes, damaged } from "./bytes.ts";
import { aheadOf, type Cursor, cursor, narrow, type Window } from "./pickle-cursor.ts";
import { type AllowList, Global, Made, type Making, Placeholder, type Reducer } from "./pickle-objects.ts";

/**
 * What one pickle may ask of us. A full training checkpoint of the largest encoder runs about 200 000 opcodes and
 * makes 20 000 containers.
 */
const MAX_STEPS = 8_000_000;
const MAX_OBJECTS = 1_000_000;
const MAX_MARKS = 10_000;
const MAX_MEMO = 2_000_000;

export interface PickleOptions {
  /** What the pickle is, for messages. */
  name: string;
  /** All other globals become {@link Placeholder}s. */
  allow: AllowList;
  persistentLoad?(id: unknown): unknown;
  /** Where the pickle starts in `data`. */
  start?: number;
}

/**
 * Reads one pickle, protocols 0 to 5, as plain data: dict is Map, list, tuple and set are arrays, str is string, int is
 * number (bigint where that is not exact), bytes are Uint8Array, None is null. Nothing is executed: a global outside
 * `allow` is an inert {@link Placeholder}. The result may share containers and may hold itself.
 * @returns the object, and the byte after the pickle.
 * @throws HubError `CHECKPOINT`, with the byte offset, when the pickle is damaged or its size is absurd;
 * `details.truncated` when it is merely cut off.
 */
export function readPickle(data: Uint8Array, options: PickleOptions): { value: unknown; end: number } {
  const window = { data, base: 0, size: data.length, longest: Number.POSITIVE_INFINITY };
  const vm = machine(cursor(window, options.start ?? 0, options.name), options);
  while (step(vm));
  return { value: vm.pop(), end: vm.in.at };
}

/** Texts and byte strings longer than this stay in the file: an array's bytes, not a name. */
const LONGEST = 256;
const WINDOW_BYTES = 2 ** 18;

/**
 * Reads the pickle a file begins with, as {@link readPickle}, through a small window: strings of more than 256 bytes are
 * not read but come as {@link Span}s, so that memory does not grow with the arrays a file holds.
 * @throws HubError as {@link readPickle}.
 */
export async function readPickleFile(file: Bytes, options: PickleOptions): Promise<unknown> {
  const window: Window = { data: new Uint8Array(0), base: 0, size: file.size, longest: LONGEST };
  const vm = machine(cursor(window, 0, options.name), options);
  do {
    const end = window.base + window.data.length;
    if (vm.in.at + aheadOf(LONGEST) > end && end < file.size) {
      window.base = vm.in.at;
      window.data = await file.read(vm.in.at, Math.min(WINDOW_BYTES, file.size - vm.in.at));
    }
  } while (step(vm));
  return vm.pop();
}

/** Runs one opcode; false when it was the last. */
function step(vm: Machine): boolean {
  vm.at = vm.in.at;
  const code = vm.in.byte();
  if (code === STOP) return false;
  const run = STEPS.get(code) ?? vm.fail(`has an unknown opcode 0x${code.toString(16)}`);
  vm.spend(1);
  run(vm);
  return true;
}

/** The state of one reading. */
interface Machine extends Making {
  readonly in: Cursor;
  readonly options: PickleOptions;
  readonly memo: Map<number, unknown>;
  /** Where the opcode at work starts. */
  at: number;
  push(value: unknown): void;
  pop(): unknown;
  top(): unknown;
  mark(): void;
  /** Everything since the last mark, which goes. */
  popMark(): unknown[];
  /** Counts a container that is made. */
  fresh<T>(container: T): T;
}

function machine(input: Cursor, options: PickleOptions): Machine {
  const stack: unknown[] = [];
  const marks: number[] = [];
  const makers = new WeakMap<object, Reducer>();
  let steps = 0;
  let objects = 0;
  const vm: Machine = {
    in: input,
    options,
    memo: new Map(),
    at: input.at,
    push: (value) => stack.push(value),
    pop: () => (stack.length > (marks.at(-1) ?? 0) ? stack.pop() : vm.fail("takes a value from an empty stack")),
    top: () => (stack.length > (marks.at(-1) ?? 0) ? stack.at(-1) : vm.fail("takes a value from an empty stack")),
    mark: () => {
      if (marks.push(stack.length) > MAX_MARKS) vm.fail(`nests more than ${MAX_MARKS} deep`);
    },
    popMark: () => stack.splice(marks.pop() ?? vm.fail("closes what it did not open")),
    fresh: (container) => (++objects > MAX_OBJECTS ? vm.fail(`makes more than ${MAX_OBJECTS} objects`) : container),
    spend: (n) => {
      steps += n;
      if (steps > MAX_STEPS) vm.fail(`takes more than ${MAX_STEPS} steps`);
    },
    make: (of, args) => {
      if (of instanceof Placeholder) return vm.fresh(new Placeholder(of.of, [of, args]));
      if (!(of instanceof Global || of instanceof Made)) return vm.fail("calls what is no class or function");
      const reducer = of instanceof Made ? of.reducer : options.allow.get(of.name);
      if (reducer?.make === undefined) {
        return of instanceof Global ? vm.fresh(new Placeholder(of, [args])) : vm.fail("makes what cannot be made");
      }
      const made = vm.fresh(reducer.make(args, vm));
      if (typeof made === "object" && made !== null && !makers.has(made)) makers.set(made, reducer);
      return made;
    },
    build: (object, state) => {
      if (object instanceof Placeholder) object.parts.push(state);
      else if (typeof object === "object" && object !== null) makers.get(object)?.build?.(object, state, vm);
    },
    global: (module, name) => {
      if (typeof module !== "string" || typeof name !== "string") return vm.fail("names a class by what is no text");
      return vm.fresh(new Global(`${module}.${name}`, vm.at));
    },
    fail: (found) => {
      throw damaged(`${options.name} ${found}, at byte ${vm.at}`, { offset: vm.at });
    },
  };
  return vm;
}

type Step = (vm: Machine) => void;

const STOP = 0x2e;

/** Pushes what `read` gives. */
const pushes =
  (read: (vm: Machine) => unknown): Step =>
  (vm) =>
    vm.push(read(vm));

const array = (vm: Machine, value: unknown): unknown[] =>
  Array.isArray(value) ? value : vm.fail("needs a list and finds none");

const count = (vm: Machine, text: string): number =>
  /^\d{1,10}$/.test(text) ? Number(text) : vm.fail("has a bad index");

function tuple(vm: Machine, length: number): unknown[] {
  return vm.fresh(Array.from({ length }, () => vm.pop()).reverse());
}

function append(vm: Machine, values: unknown[]): void {
  const list = vm.top();
  if (list instanceof Placeholder) list.parts.push(values);
  else for (const value of values) array(vm, list).push(value);
}

function setItems(vm: Machine, flat: unknown[]): void {
  const map = vm.top();
  if (flat.length % 2 === 1) vm.fail("has a key without a value");
  if (map instanceof Placeholder) map.parts.push(flat);
  else if (map instanceof Map) for (let i = 0; i < flat.length; i += 2) map.set(flat[i], flat[i + 1]);
  else vm.fail("needs a dict and finds none");
}

function dict(vm: Machine, flat: unknown[]): Map<unknown, unknown> {
  vm.push(vm.fresh(new Map()));
  setItems(vm, flat);
  return vm.pop() as Map<unknown, unknown>;
}

function store(vm: Machine, index: number): void {
  if (vm.memo.size >= MAX_MEMO) vm.fail(`stores more than ${MAX_MEMO} values`);
  vm.memo.set(index, vm.top());
}

function recall(vm: Machine, index: number): unknown {
  return vm.memo.has(index) ? vm.memo.get(index) : vm.fail(`recalls a value ${index} it never stored`);
}

function persistent(vm: Machine, id: unknown): unknown {
  return vm.options.persistentLoad?.(id) ?? vm.fail("refers to something outside itself");
}

function integer(vm: Machine, text: string): unknown {
  // Protocol 0 writes booleans so.
  if (text === "01" || text === "00") return text === "01";
  return /^-?\d{1,600}L?$/.test(text) ? narrow(BigInt(text.replace("L", ""))) : vm.fail("has a bad integer");
}

/** Old text forms: a Python literal in quotes, escapes left as they are written. */
const unquoted = (vm: Machine, text: string) => /^(["'])(.*)\1$/s.exec(text)?.[2] ?? vm.fail("has a bad string");

/** The opcodes, by number. Extension registry (0x82-0x84) and out-of-band buffers (0x97, 0x98) are left out: no file has them. */
const STEPS: ReadonlyMap<number, Step> = new Map<number, Step>([
  [0x80, (vm) => vm.in.byte() > 5 && vm.fail("has a protocol above 5")],
  [0x95, (vm) => void vm.in.uint(8)], // FRAME
  [0x28, (vm) => vm.mark()],
  [0x30, (vm) => void vm.pop()],
  [0x31, (vm) => void vm.popMark()],
  [0x32, pushes((vm) => vm.top())],
  // Constants and numbers.
  [0x4e, pushes(() => null)],
  [0x88, pushes(() => true)],
  [0x89, pushes(() => false)],
  [0x49, pushes((vm) => integer(vm, vm.in.line()))],
  [0x4c, pushes((vm) => integer(vm, vm.in.line()))],
  [0x46, pushes((vm) => Number(vm.in.line()))],
  [0x4a, pushes((vm) => vm.in.int32())],
  [0x4b, pushes((vm) => vm.in.uint(1))],
  [0x4d, pushes((vm) => vm.in.uint(2))],
  [0x8a, pushes((vm) => vm.in.long(vm.in.uint(1)))],
  [0x8b, pushes((vm) => vm.in.long(vm.in.uint(4)))],
  [0x47, pushes((vm) => vm.in.double())],
  // Text and bytes; the byte strings of Python 2 are read as text.
  [0x56, pushes((vm) => vm.in.line())],
  [0x53, pushes((vm) => unquoted(vm, vm.in.line()))],
  [0x58, pushes((vm) => vm.in.text(vm.in.uint(4)))],
  [0x8c, pushes((vm) => vm.in.text(vm.in.uint(1)))],
  [0x8d, pushes((vm) => vm.in.text(vm.in.uint(8)))],
  [0x54, pushes((vm) => vm.in.text(vm.in.uint(4)))],
  [0x55, pushes((vm) => vm.in.text(vm.in.uint(1)))],
  [0x42, pushes((vm) => vm.in.bytes(vm.in.uint(4)))],
  [0x43, pushes((vm) => vm.in.bytes(vm.in.uint(1)))],
  [0x8e, pushes((vm) => vm.in.bytes(vm.in.uint(8)))],
  [0x96, pushes((vm) => vm.in.bytes(vm.in.uint(8)))],
  // Containers.
  [0x5d, pushes((vm) => vm.fresh([]))],
  [0x29, pushes((vm) => vm.fresh([]))],
  [0x8f, pushes((vm) => vm.fresh([]))],
  [0x7d, pushes((vm) => vm.fresh(new Map()))],
  [0x6c, pushes((vm) => vm.fresh(vm.popMark()))],
  [0x74, pushes((vm) => vm.fresh(vm.popMark()))],
  [0x91, pushes((vm) => vm.fresh(vm.popMark()))],
  [0x64, pushes((vm) => dict(vm, vm.popMark()))],
  [0x85, pushes((vm) => tuple(vm, 1))],
  [0x86, pushes((vm) => tuple(vm, 2))],
  [0x87, pushes((vm) => tuple(vm, 3))],
  [0x61, (vm) => append(vm, [vm.pop()])],
  [0x65, (vm) => append(vm, vm.popMark())],
  [0x90, (vm) => append(vm, vm.popMark())],
  [0x73, (vm) => setItems(vm, tuple(vm, 2))],
  [0x75, (vm) => setItems(vm, vm.popMark())],
  // Memo.
  [0x70, (vm) => store(vm, count(vm, vm.in.line()))],
  [0x71, (vm) => store(vm, vm.in.uint(1))],
  [0x72, (vm) => store(vm, vm.in.uint(4))],
  [0x94, (vm) => store(vm, vm.memo.size)],
  [0x67, pushes((vm) => recall(vm, count(vm, vm.in.line())))],
  [0x68, pushes((vm) => recall(vm, vm.in.uint(1)))],
  [0x6a, pushes((vm) => recall(vm, vm.in.uint(4)))],
  // Names and objects: data, or placeholders.
  [0x63, pushes((vm) => vm.global(vm.in.line(), vm.in.line()))],
  [0x93, pushes((vm) => vm.global(...(tuple(vm, 2) as [unknown, unknown])))],
  [0x50, pushes((vm) => persistent(vm, vm.in.line()))],
  [0x51, pushes((vm) => persistent(vm, vm.pop()))],
  [0x52, pushes((vm) => reduce(vm, 2))],
  [0x81, pushes((vm) => reduce(vm, 2))],
  [0x92, pushes((vm) => reduce(vm, 3))],
  [0x69, pushes((vm) => vm.make(vm.global(vm.in.line(), vm.in.line()), vm.popMark()))],
  [0x6f, pushes((vm) => object(vm, vm.popMark()))],
  [0x62, build],
]);

/** REDUCE and NEWOBJ: callable, arguments; NEWOBJ_EX: and keyword arguments, which no allowed class has. */
function reduce(vm: Machine, parts: 2 | 3): unknown {
  const [of, args, keywords] = tuple(vm, parts);
  if (parts === 3 && keywords instanceof Map && keywords.size > 0 && of instanceof Global) {
    return vm.fresh(new Placeholder(of, [args, keywords]));
  }
  return vm.make(of, array(vm, args));
}

/** OBJ: the class is the first of the marked values. */
function object(vm: Machine, [of, ...args]: unknown[]): unknown {
  return vm.make(of, args);
}

function build(vm: Machine): void {
  const state = vm.pop();
  vm.build(vm.top(), state);
}
