// Writes docs/models.md, the page of all models, from the checked metadata. Needs dist/ (npm run cards builds it).
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const { modelsPage } = await import("../dist/src/tables/models-page.js");
const names = Object.keys(await import("../dist/hubconf.js"));
// A module lists its exports by name; the page keeps the order of the file.
const { readFileSync } = await import("node:fs");
const source = readFileSync(new URL("../hubconf.ts", import.meta.url), "utf8");
const page = modelsPage(names.toSorted((a, b) => source.indexOf(`const ${a} `) - source.indexOf(`const ${b} `)));
writeFileSync(fileURLToPath(new URL("../docs/models.md", import.meta.url)), page);
