import { randomBytes } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { HubError, messageOf } from "./core/errors.ts";
import type { SpecLoader } from "./core/family.ts";

/** Files of the repository that a contribution touches, by their paths in it. */
export const HUBCONF = "hubconf.ts";
export const METADATA = "metadata.yaml";
export const familyPath = (family: string): string => `hub/${family}.ts`;

/** A checkout of ssl-hub: a contributor's, whatever the version that looks at it. */
export interface Checkout {
  root: string;
  /** Text of a file. @throws HubError `DISK` naming it. */
  read(path: string): Promise<string>;
}

/**
 * Opens the checkout in a folder.
 * @throws HubError `DISK` when it is none.
 */
export async function openCheckout(root: string): Promise<Checkout> {
  const read = (path: string) =>
    readFile(join(root, path), "utf8").catch((cause) => {
      throw new HubError("DISK", `Cannot read ${join(root, path)}: ${messageOf(cause)}`, { cause });
    });
  for (const path of [HUBCONF, METADATA, familyPath("architectures")]) {
    await read(path).catch((cause) => {
      throw new HubError(
        "DISK",
        `${root} is no checkout of ssl-hub: it has no ${path}. Run this in one, or say --root.`,
        {
          details: { root },
          cause,
        },
      );
    });
  }
  return { root, read };
}

/**
 * The registry of a checkout, from its sources: types are stripped, nothing is built. Its code runs, as it does in any
 * build of it.
 * @throws HubError `METADATA` when a file does not load, naming what its author must mend.
 */
export async function registryOf({ root }: Checkout): Promise<Record<string, SpecLoader>> {
  // Inside the checkout, so that errors name paths their author knows; gone before this returns.
  const folder = join(root, "node_modules", ".cache", `ssl-hub-check-${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    const strip = await stripper(root);
    // A set grows while it is walked: each file adds those it imports.
    const files = new Set<string>([HUBCONF]);
    for (const path of files) {
      const text = strip(await readFile(join(root, path), "utf8"), path);
      const target = join(folder, path.replace(/\.ts$/, ".js"));
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, text);
      for (const [, to] of text.matchAll(/\b(?:from|import)\b[ (]*"(\.[^"]+)\.js"/g)) {
        files.add(`${join(dirname(path), to!)}.ts`);
      }
    }
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    const registry: Record<string, SpecLoader> = await import(pathToFileURL(join(folder, "hubconf.js")).href);
    const lines = Object.entries(registry).map(async ([name, line]) => [name, await called(line)] as const);
    return Object.fromEntries(await Promise.all(lines));
  } catch (cause) {
    if (cause instanceof HubError) throw cause;
    const message = messageOf(cause).replaceAll(folder, root).replaceAll(".js", ".ts");
    throw new HubError("METADATA", `The registry of ${root} does not load: ${message}`, { details: { root }, cause });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A line as it answers: it imports its family when called, which is possible only while the folder is there. */
async function called(line: SpecLoader): Promise<SpecLoader> {
  if (typeof line !== "function") return line;
  const [answer] = await Promise.allSettled([Promise.resolve().then(line)]);
  return async () => {
    if (answer.status === "rejected") throw answer.reason;
    return answer.value;
  };
}

/** The checkout's own TypeScript: the package does not bring one. */
async function stripper(root: string): Promise<(text: string, path: string) => string> {
  let ts: typeof import("typescript");
  try {
    ts = createRequire(join(root, "package.json"))("typescript");
  } catch (cause) {
    throw new HubError("METADATA", `The packages of ${root} are not installed: run npm ci there.`, { cause });
  }
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    rewriteRelativeImportExtensions: true,
    verbatimModuleSyntax: true,
  };
  return (text, path) => {
    const { outputText, diagnostics = [] } = ts.transpileModule(text, { compilerOptions, reportDiagnostics: true });
    const [error] = diagnostics;
    if (error !== undefined) {
      const line = text.slice(0, error.start).split("\n").length;
      throw new SyntaxError(`${path}, line ${line}: ${ts.flattenDiagnosticMessageText(error.messageText, " ")}`);
    }
    return outputText;
  };
}
