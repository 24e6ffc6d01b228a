#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command as Program } from "commander";
import { HubError } from "../index.ts";
import { analyze } from "./analyze.ts";
import { augment } from "./augment.ts";
import { check } from "./check.ts";
import { checkLinks } from "./check-links.ts";
import { clean } from "./clean.ts";
import type { Command, Context } from "./command.ts";
import { compare } from "./compare.ts";
import { convert } from "./convert.ts";
import { decompose } from "./decompose.ts";
import { demo } from "./demo.ts";
import { explore } from "./explore.ts";
import { featurize } from "./featurize.ts";
import { fewshot } from "./fewshot.ts";
import { info } from "./info.ts";
import { list } from "./list.ts";
import { mirror } from "./mirror.ts";
import { newCommand } from "./new.ts";
import { progressBar } from "./progress.ts";
import { pull } from "./pull.ts";
import { recommend } from "./recommend.ts";
import { results } from "./results.ts";
import { stats } from "./stats.ts";
import { tune } from "./tune.ts";
import { verify } from "./verify.ts";

const COMMANDS: readonly Command[] = [
  list,
  info,
  pull,
  convert,
  featurize,
  decompose,
  compare,
  fewshot,
  stats,
  tune,
  recommend,
  results,
  analyze,
  explore,
  verify,
  checkLinks,
  mirror,
  newCommand,
  check,
  clean,
  augment,
  demo,
];

/** Exit codes: 0 done, 1 the work failed, 2 the command line is wrong, 130 ended by Ctrl-C. */
const EXIT = { failed: 1, usage: 2, interrupted: 130 };

const program = new Program("ssl-hub")
  .description("Self-supervised vision encoders: load, convert, featurize and decompose their risk.")
  .version(version())
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT.usage))
  .addHelpText("after", "\nssl-hub COMMAND --help shows a command's options and examples.");

for (const command of COMMANDS) register(command);
// A reader that closed the pipe (`| head`) has seen enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : EXIT.failed));
await program.parseAsync();

function register(command: Command): void {
  const sub = program.command(command.usage).summary(command.summary).description(command.summary);
  for (const [flags, description, fallback] of command.options) {
    // Collected one at a time: commander's own variadic options would swallow the arguments after them.
    if (flags.endsWith("...")) sub.option(flags.slice(0, -3), `${description}; may be repeated`, collect);
    else sub.option(flags, description, fallback);
  }
  sub.option("--json", "print data as JSON");
  sub.addHelpText("after", `\nExamples:\n${command.examples.map((line) => `  $ ${line}`).join("\n")}`);
  sub.action(async (...all: unknown[]) => {
    const args = all.slice(0, -2) as (string | string[] | undefined)[];
    await execute(command, args, sub.opts());
  });
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

async function execute(command: Command, args: (string | string[] | undefined)[], options: { json?: boolean }) {
  const controller = new AbortController();
  const progress = progressBar(process.stderr);
  const interrupt = () => controller.abort(new Error("interrupted"));
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  const context: Context = {
    json: options.json === true,
    job: { signal: controller.signal, onProgress: progress.onProgress },
    print: (text) => process.stdout.write(`${text}\n`),
  };
  try {
    await command.run(args, options as Record<string, string | undefined>, context);
    progress.end();
  } catch (error) {
    progress.end();
    process.exitCode = controller.signal.aborted ? EXIT.interrupted : fail(error);
    if (controller.signal.aborted) process.stderr.write("Interrupted; nothing is half-written.\n");
  } finally {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
  // Engines and worker threads may hold the process open; the work is done.
  process.exit(process.exitCode ?? 0);
}

function fail(error: unknown): number {
  if (error instanceof HubError) process.stderr.write(`error ${error.code}: ${error.message}\n`);
  else if (error instanceof TypeError) process.stderr.write(`error: ${error.message}\n`);
  else process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return error instanceof TypeError ? EXIT.usage : EXIT.failed;
}

function version(): string {
  return JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")).version;
}
