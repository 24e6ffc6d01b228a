import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { readRunsText } from "../analysis/index.ts";
import { HubError } from "../index.ts";
import { type Command, textOption } from "./command.ts";

export const explore: Command = {
  usage: "explore",
  summary: "Browse all models and the paper's results in a page that needs no network",
  options: [
    ["--open", "open it in the browser"],
    ["--out <dir>", "copy the page into a folder, to keep or to serve; a page of an older version is replaced"],
    [
      "--runs <file>...",
      "your own runs, shown beside the paper's: what decompose, compare, fewshot or stats prints with --json, or CSV",
    ],
  ],
  examples: [
    "ssl-hub explore --open",
    "ssl-hub explore --out explorer",
    "ssl-hub decompose my_model --train in1k/train --test in1k/val --json > mine.json; ssl-hub explore --runs mine.json --open",
  ],
  async run(_args, options, { json, print }) {
    const out = textOption(options, "out");
    const paths = (options.runs as string[] | undefined) ?? [];
    const runs = await Promise.all(
      paths.map(async (path) => ({ name: basename(path), text: await readRunsText(path) })),
    );
    const to =
      out !== undefined
        ? resolve(out)
        : runs.length > 0
          ? await mkdtemp(join(tmpdir(), "ssl-hub-explore-"))
          : undefined;
    const folder = to === undefined ? pageFolder() : await copyPage(pageFolder(), to, runs);
    const page = join(folder, "index.html");
    const url = pathToFileURL(page).href;
    const opened = options.open === true && (await openInBrowser(url));
    if (json) return print(JSON.stringify({ page, url, opened }));
    print(opened ? `Opened ${url}` : `${options.open ? "No browser could be started. " : ""}Open this page: ${url}`);
  },
};

/** Where the build puts the page: beside this file in dist, or in dist when this runs from the source. */
function pageFolder(): string {
  const candidates = ["../../pages/explorer/", "../../dist/pages/explorer/"].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = candidates.find((path) => existsSync(join(path, "index.html")));
  if (found !== undefined) return found;
  throw new HubError("DISK", "Cannot find the explorer's page: the package is incomplete. Install ssl-hub again.", {
    details: { candidates },
  });
}

/** Own runs are a script beside the page, which runs before the page's own. */
async function copyPage(from: string, to: string, runs: readonly { name: string; text: string }[]): Promise<string> {
  try {
    await mkdir(to, { recursive: true });
    await cp(from, to, { recursive: true });
    if (runs.length === 0) return to;
    const script = `window.SSL_HUB_RUNS = ${JSON.stringify(runs).replaceAll("<", "\\u003c")};\n`;
    await writeFile(join(to, "runs.js"), script);
    const page = await readFile(join(to, "index.html"), "utf8");
    const before = '<script defer src="explorer.js">';
    await writeFile(join(to, "index.html"), page.replace(before, `<script defer src="runs.js"></script>\n${before}`));
  } catch (cause) {
    const message = `Cannot write the explorer to ${to}: ${(cause as Error).message}. Choose another --out.`;
    throw new HubError("DISK", message, { details: { folder: to }, cause });
  }
  return to;
}

const OPENERS: Partial<Record<NodeJS.Platform, [command: string, ...args: string[]]>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

const OPENER_MS = 3000;

/** Whether the system's opener took the page. */
function openInBrowser(url: string): Promise<boolean> {
  const [command, ...args] = OPENERS[process.platform] ?? ["xdg-open"];
  return new Promise((done) => {
    const child = spawn(command, [...args, url], { stdio: "ignore", detached: true });
    child.on("error", () => done(false));
    child.on("exit", (code) => done(code === 0));
    // Some openers stay as long as the browser does.
    setTimeout(() => done(true), OPENER_MS);
  });
}
