import * as hub from "../index.ts";
import { type Command, wholeNumber } from "./command.ts";
import { bytes, table } from "./print.ts";

export const checkLinks: Command = {
  usage: "check-links [names...]",
  summary: "Ask every location of models whether it still serves its file; for a scheduled job",
  options: [
    ["--hash", "read whole files where a hash is stated, and compare; nothing is kept"],
    ["--strict", "fail when any location is dead, not only when a model has none left"],
    ["--concurrency <n>", "requests at a time", "8"],
    ["--timeout <seconds>", "longest silence of a server", "30"],
  ],
  examples: [
    "ssl-hub check-links                      # exit code 1 when a model cannot be had any more",
    "ssl-hub check-links 'dino_rn50' --hash",
    "ssl-hub check-links --strict --json > links.json",
  ],
  async run([names], options, { json, job, print }) {
    const models = await hub.checkLinks(names as string[], {
      hash: options.hash === true,
      concurrency: wholeNumber(options, "concurrency"),
      idleMs: 1000 * Math.max(1, wholeNumber(options, "timeout")!),
      ...job,
    });
    const dead = models.filter(({ ok }) => !ok);
    const broken = models.filter(({ locations }) => locations.some(({ ok }) => !ok));
    if (json) print(JSON.stringify(models));
    else print(report(models, dead.length, broken.length));
    const failing = options.strict === true ? broken : dead;
    if (failing.length > 0) {
      const what = options.strict === true ? "have a dead location" : "cannot be had";
      throw new hub.HubError("DOWNLOAD", `${failing.length} of ${models.length} models ${what}.`, {
        details: { names: failing.map(({ name }) => name) },
      });
    }
  },
};

function report(models: readonly hub.ModelLinks[], dead: number, broken: number): string {
  const rows = models.flatMap(({ name, locations }) =>
    locations.flatMap(({ files }, i) => files.map((file) => ({ name, place: i + 1, ...file }))),
  );
  const body = table(rows, [
    { title: "model", value: (row) => row.name },
    { title: "#", value: (row) => row.place, align: "right" },
    { title: "state", value: (row) => (row.ok ? "ok" : "DEAD") },
    { title: "HTTP", value: (row) => row.status, align: "right" },
    { title: "size", value: (row) => (row.bytes === null ? null : bytes(row.bytes)), align: "right" },
    { title: "hash", value: (row) => row.hash },
    { title: "led to", value: (row) => row.redirected_to },
    { title: "location", value: (row) => (row.reason === null ? row.url : `${row.url}  ${row.reason}`) },
  ]);
  const some = broken - dead;
  return `${body}\n\n${models.length} models: ${models.length - broken} whole, ${some} with a dead location, ${dead} that cannot be had.`;
}
