import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Makes rooms of the source tree runnable by plain Node, which cannot read TypeScript: each file is stripped of its types
 * into a folder from which packages resolve. Returns that folder; remove it when done.
 */
export function stripped(rooms: readonly string[]): string {
  const folder = join(ROOT, "node_modules", ".cache", `ssl-hub-test-${process.pid}-${Date.now()}`);
  const staging = `${folder}.tmp`;
  for (const room of rooms) {
    for (const entry of readdirSync(join(ROOT, room), { recursive: true, withFileTypes: true })) {
      const source = join(entry.parentPath, entry.name);
      if (entry.isFile() && entry.name.endsWith(".wasm")) copy(source, join(staging, relative(ROOT, source)));
      if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
      const target = join(staging, relative(ROOT, source)).replace(/\.ts$/, ".js");
      const { outputText } = ts.transpileModule(readFileSync(source, "utf8"), {
        compilerOptions: {
          target: ts.ScriptTarget.ES2022,
          module: ts.ModuleKind.ESNext,
          rewriteRelativeImportExtensions: true,
          verbatimModuleSyntax: true,
        },
      });
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, outputText);
    }
  }
  writeFileSync(join(staging, "package.json"), '{ "type": "module" }');
  renameSync(staging, folder);
  return folder;
}

function copy(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(source, target);
}

export const removeStripped = (folder: string): void => rmSync(folder, { recursive: true, force: true });

export interface Child {
  /** SIGKILL: the process gets no chance to clean up. */
  kill(): void;
  /** Resolves when the process is gone; `code` is null when it was killed. */
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** Runs the text of a module in a process of its own; its relative imports start from `folder`. */
export function runModule(folder: string, text: string, env: Record<string, string> = {}): Child {
  const child = spawn(process.execPath, ["--input-type=module", "-e", text], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  return {
    kill: () => child.kill("SIGKILL"),
    ended: new Promise((resolve) => {
      child.on("close", (code) => resolve({ code, stdout, stderr }));
    }),
  };
}
