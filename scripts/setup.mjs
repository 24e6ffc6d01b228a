// Makes a fresh clone ready: installs the packages of the lock file and builds dist/, each only when it is out of date.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

const modified = (path) => (existsSync(`${root}${path}`) ? statSync(`${root}${path}`).mtimeMs : 0);

/** Newest change under a file or folder. */
function newest(path) {
  const full = `${root}${path}`;
  if (!statSync(full).isDirectory()) return modified(path);
  return Math.max(0, ...readdirSync(full).map((name) => newest(`${path}/${name}`)));
}

if (modified("node_modules/.package-lock.json") < modified("package-lock.json")) {
  console.log("Installing packages ...");
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}
const sources = [
  "src",
  "hub",
  "converters",
  "hubconf.ts",
  "metadata.yaml",
  "tsconfig.json",
  "docs/explorer",
  "docs/site",
];
const makers = ["scripts/build.mjs", "scripts/build-pages.mjs"];
if (modified("dist/pages/explorer/data.js") < Math.max(...[...sources, ...makers].map(newest))) {
  console.log("Building ...");
  run(process.execPath, ["scripts/build.mjs"]);
}
