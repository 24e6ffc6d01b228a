// The API reference of the five entry points, by TypeDoc.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { Application, LogLevel, ReferenceType } from "typedoc";

/** Sources and what users import them as. */
const ENTRIES = {
  "src/index.ts": "ssl-hub",
  "src/decompose/index.ts": "ssl-hub/decompose",
  "src/analysis/index.ts": "ssl-hub/analysis",
  "converters/index.ts": "ssl-hub/converters",
  "src/images/index.ts": "ssl-hub/images",
};

/** TypeDoc writes one address into pages at every depth; this one is made relative afterwards. */
const SITE = "https://site.invalid/";

export async function buildApi(root, out) {
  const app = await Application.bootstrap({
    name: "ssl-hub API",
    entryPoints: Object.keys(ENTRIES).map((entry) => root + entry),
    tsconfig: `${root}tsconfig.json`,
    out,
    readme: "none",
    disableSources: true,
    excludePrivate: true,
    excludeExternals: true,
    favicon: `${root}docs/site/icon.svg`,
    githubPages: false,
    hideGenerator: true,
    navigationLinks: { Docs: `${SITE}index.html`, Explorer: `${SITE}explorer/index.html` },
    validation: { notExported: false, invalidLink: true, notDocumented: false },
    logLevel: LogLevel.Warn,
  });
  const project = await app.convert();
  if (project === undefined) throw new Error("TypeDoc could not read the entry points.");
  for (const module of project.children) module.name = ENTRIES[`${module.name}/index.ts`] ?? module.name;
  nameModels(project);
  app.validate(project);
  await app.generateOutputs(project);
  leadBack(out);
}

/** Where the compiler spells out all models, one word says it. */
function nameModels(project) {
  const reflections = Object.values(project.reflections);
  const named = reflections.find(({ name, type }) => name === "ModelName" && type !== undefined);
  const isAll = (type) => type?.type === "union" && type.types.length > MODELS_AT_LEAST;
  const reference = () => ReferenceType.createResolvedReference("ModelName", named, project);
  for (const reflection of reflections) {
    if (reflection === named) continue;
    for (const key of ["type", "default"]) {
      if (isAll(reflection[key])) reflection[key] = reference();
      else if (isAll(reflection[key]?.elementType)) reflection[key].elementType = reference();
    }
  }
}

const MODELS_AT_LEAST = 150;

function leadBack(out) {
  for (const name of readdirSync(out, { recursive: true }).filter((path) => path.endsWith(".html"))) {
    const up = "../".repeat(relative(out, join(out, name)).split(sep).length);
    writeFileSync(join(out, name), readFileSync(join(out, name), "utf8").replaceAll(SITE, up));
  }
}
