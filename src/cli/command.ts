import type { Job } from "../index.ts";

/** What a command gets beside its arguments. */
export interface Context {
  /** Whether `--json` asked for data instead of tables. */
  json: boolean;
  /** Ctrl-C aborts the signal; progress goes to the terminal. */
  job: Required<Job>;
  /** Writes a line to standard output. */
  print(text: string): void;
}

/** Values of the options given, by their camelCase names. */
export type Options = Record<string, string | boolean | string[] | undefined>;

/** A command as data: `main.ts` turns the table of them into the command line. */
export interface Command {
  /** Name and arguments in commander's form: `info <name>`, `pull <names...>`. */
  usage: string;
  summary: string;
  /** `[flags, what it does, default]`; flags that end in `...` may be repeated. `--json` is added to every command. */
  options: readonly (readonly [flags: string, description: string, fallback?: string])[];
  examples: readonly string[];
  run(args: (string | string[] | undefined)[], options: Options, context: Context): Promise<void>;
}

/** A whole number from an option. @throws TypeError naming the option when it is none. */
export function wholeNumber(options: Options, name: string): number | undefined {
  const text = options[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw new TypeError(`--${dashed(name)} takes a whole number, not ${text}.`);
  return value;
}

/** A text from an option; undefined when it was not given. */
export function textOption(options: Options, name: string): string | undefined {
  return options[name] as string | undefined;
}

/** One of a few words from an option. @throws TypeError listing them otherwise. */
export function oneOf<T extends string>(options: Options, name: string, words: readonly T[]): T | undefined {
  const text = textOption(options, name);
  if (text !== undefined && !(words as readonly string[]).includes(text)) {
    throw new TypeError(`--${dashed(name)} takes one of ${words.join(", ")}, not ${text}.`);
  }
  return text as T | undefined;
}

const dashed = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
