import * as hub from "../index.ts";
import { type Command, textOption } from "./command.ts";

const MARKS = { ok: "ok     ", warning: "warning", error: "ERROR  ", skipped: "skipped" } as const;

export const check: Command = {
  usage: "check [names...]",
  summary:
    "Check models of a checkout as a contribution: line, metadata, specification, licence, addresses, hash, keys",
  options: [
    ["--checkpoint <file>", "the model's file: hash, key rules and features are checked on it"],
    ["--root <dir>", "the checkout; default the working directory"],
  ],
  examples: [
    "ssl-hub check                                   # all models of the checkout; only what is wrong is shown",
    "ssl-hub check mine_rn50 --checkpoint mine.pth",
    "ssl-hub check mine_rn50 --json",
  ],
  async run([names], options, { json, job, print }) {
    const checkpoint = textOption(options, "checkpoint");
    const findings = await hub.checkModels(names as string[], {
      checkpoint,
      root: textOption(options, "root"),
      ...job,
    });
    const errors = findings.filter(({ state }) => state === "error");
    if (json) print(JSON.stringify(findings));
    else {
      const isAll = (names as string[]).length === 0;
      const shown = isAll ? errors : findings;
      for (const { model, what, state, message } of shown) {
        print(`${MARKS[state]}  ${isAll ? `${model}  ` : ""}${what.padEnd(13)}  ${message}`);
      }
      const models = new Set(findings.map(({ model }) => model)).size;
      const warnings = findings.filter(({ state }) => state === "warning").length;
      print(`${shown.length > 0 ? "\n" : ""}${models} models: ${errors.length} errors, ${warnings} warnings.`);
    }
    if (errors.length > 0) {
      const broken = [...new Set(errors.map(({ model }) => model))];
      throw new hub.HubError("METADATA", `${errors.length} things to mend in ${broken.slice(0, 10).join(", ")}.`);
    }
  },
};
