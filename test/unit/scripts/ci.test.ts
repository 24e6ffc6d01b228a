import { readFileSync, statSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

const at = (path: string) => new URL(`../../../${path}`, import.meta.url);
const text = (path: string) => readFileSync(at(path), "utf8");
const { scripts, engines } = JSON.parse(text("package.json"));

interface Job {
  if?: string;
  strategy?: { matrix: { node: string[] } };
  steps: { run?: string; uses?: string; if?: string; with?: Record<string, string> }[];
}
const workflow: { on: Record<string, unknown>; permissions: unknown; jobs: Record<string, Job> } = parse(
  text(".github/workflows/ci.yml"),
);
const commandsOf = ({ steps }: Job) => steps.flatMap(({ run }) => (run === undefined ? [] : [run]));

describe("the workflow", () => {
  test("runs .ci/run on every push and pull request, on the oldest Node that is supported and newer ones", () => {
    expect(Object.keys(workflow.on)).toEqual(expect.arrayContaining(["push", "pull_request", "schedule"]));
    const [job] = Object.values(workflow.jobs).filter((one) => commandsOf(one).includes(".ci/run"));
    expect(job!.if).toBe("github.event_name != 'schedule'");
    const { node } = job!.strategy!.matrix;
    expect(`>=${node[0]}`).toBe(engines.node);
    expect(node.length).toBeGreaterThan(1);
    expect(statSync(at(".ci/run")).mode & 0o111).toBe(0o111);
  });

  test("may read the repository and nothing more", () => expect(workflow.permissions).toEqual({ contents: "read" }));

  test("every job checks out, sets up Node, and calls what there is", () => {
    const program = text("src/cli/main.ts");
    for (const job of Object.values(workflow.jobs)) {
      expect(job.steps.slice(0, 2).map(({ uses }) => uses?.split("@")[0])).toEqual([
        "actions/checkout",
        "actions/setup-node",
      ]);
      for (const line of commandsOf(job)) {
        expect(line).toMatch(/^(\.ci\/run$|npm (ci|run \w+)|node dist\/src\/cli\/main\.js )/);
        const script = /^npm run (\w+)/.exec(line)?.[1];
        if (script !== undefined) expect(Object.keys(scripts)).toContain(script);
        const command = /main\.js ([\w-]+)/.exec(line)?.[1];
        if (command !== undefined) expect(program).toContain(`from "./${command}.ts"`);
      }
    }
  });

  test("dead links are asked for on schedule, and the report is kept when some are", () => {
    const [job] = Object.values(workflow.jobs).filter((one) =>
      commandsOf(one).some((line) => /check-links/.test(line)),
    );
    expect(job!.if).toContain("schedule");
    const [, file] = /> (\S+)/.exec(commandsOf(job!).at(-1)!)!;
    expect(job!.steps.at(-1)).toMatchObject({ if: "always()", with: { path: file } });
  });
});

test(".ci/run stops at the first failure and calls scripts that there are", () => {
  const run = text(".ci/run");
  expect(run).toMatch(/^#!\/usr\/bin\/env bash\n[\s\S]*set -euo pipefail/);
  const called = [...run.matchAll(/^\s*npm (?:run )?([\w:]+)/gm)].map(([, name]) => name!);
  expect(called).toEqual(expect.arrayContaining(["test", "check", "demo", "docs"]));
  for (const name of called) expect(Object.keys(scripts)).toContain(name);
});

test("the template of pull requests asks for what ssl-hub check gives, by commands that there are", () => {
  const template = text(".github/PULL_REQUEST_TEMPLATE.md");
  for (const [, name] of template.matchAll(/npm run (\w+)/g)) expect(Object.keys(scripts)).toContain(name);
  for (const command of ["ssl-hub new", "ssl-hub check NAME --checkpoint FILE"]) expect(template).toContain(command);
});
