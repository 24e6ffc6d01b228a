/** A class or function a pickle names. It is a name and nothing else: nothing is ever imported or called. */
export class Global {
  readonly name: string;
  /** Where the pickle names it. */
  readonly offset: number;
  constructor(name: string, offset: number) {
    this.name = name;
    this.offset = offset;
  }
}

/** An object that only code we do not have could make: inert, with what its maker would have been given. */
export class Placeholder {
  readonly of: Global;
  readonly parts: unknown[];
  constructor(of: Global, parts: unknown[]) {
    this.of = of;
    this.parts = parts;
  }
}

/** An object whose content comes later, with the state that a BUILD gives it. */
export class Late {
  content: unknown = null;
}

/** A class that the pickle itself defines, as functions that make classes do: called as if it were in the list. */
export class Made {
  readonly reducer: Reducer;
  constructor(reducer: Reducer) {
    this.reducer = reducer;
  }
}

/** What a reducer may use. */
export interface Making {
  /** Makes an object as REDUCE would: for reducers that are given the class to make. */
  make(of: unknown, args: unknown[]): unknown;
  /** Hands state to an object as BUILD would. */
  build(object: unknown, state: unknown): void;
  /** A class or function by its name, as GLOBAL would. */
  global(module: unknown, name: unknown): Global;
  /** Counts work or memory that is not in proportion to the opcodes; throws when it becomes absurd. */
  spend(steps: number): void;
  /** Ends the reading: the file contradicts itself. */
  fail(found: string): never;
}

/** How an allowed global becomes plain data. Without `make` it is a mere name (a dtype, a storage class). */
export interface Reducer {
  make?(args: readonly unknown[], making: Making): unknown;
  /** Takes the state that a BUILD hands to an object of this reducer; without it the state is ignored. */
  build?(object: unknown, state: unknown, making: Making): void;
}

/** By "module.name". */
export type AllowList = Pick<ReadonlyMap<string, Reducer>, "has" | "get">;
