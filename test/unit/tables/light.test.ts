import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** Compiled where no package can be found, so that whatever loads one at import fails. */
describe("importing the tables", () => {
  const root = new URL("../../../", import.meta.url);
  const folders = ["src/core", "src/tables"];
  let dir: string;

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "ssl-hub-light-"));
    writeFileSync(join(dir, "package.json"), '{ "type": "module" }');
    copyFileSync(new URL("metadata.yaml", root), join(dir, "metadata.yaml"));
    const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    const compilerOptions = { ...options, verbatimModuleSyntax: true, rewriteRelativeImportExtensions: true };
    for (const folder of folders) {
      mkdirSync(join(dir, folder), { recursive: true });
      for (const file of readdirSync(new URL(folder, root)).filter((name) => name.endsWith(".ts"))) {
        const source = readFileSync(new URL(`${folder}/${file}`, root), "utf8");
        const { outputText } = ts.transpileModule(source, { fileName: file, compilerOptions });
        writeFileSync(join(dir, folder, file.replace(/ts$/, "js")), outputText);
      }
    }
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  const run = (code: string) =>
    execFileSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8", stdio: "pipe" });
  const url = (file: string) => pathToFileURL(join(dir, "src/tables", file)).href;

  it("loads no package and reads no file", () => {
    const files = readdirSync(join(dir, "src/tables"));
    const imports = files.map((file) => `await import(${JSON.stringify(url(file))});`).join("");
    const watched = 'import fs from "node:fs"; import { syncBuiltinESMExports } from "node:module"; let reads = 0;';
    const spy = "const real = fs.readFileSync; fs.readFileSync = (...a) => { reads++; return real(...a); };";
    const out = run(`${watched}${spy}syncBuiltinESMExports();reads = 0;${imports}console.log("read", reads);`);
    expect(out.trim()).toBe("read 0");
  });

  it("the check works: using them does need the packages", () => {
    const code = `const { metadataDf } = await import(${JSON.stringify(url("frames.js"))}); metadataDf();`;
    expect(() => run(code)).toThrow(/Cannot find module 'yaml'/);
  });
});
