// Every contender is a child process that speaks lines of JSON: first {ready, version} or {missing}, then one answer a request.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Contenders that are not on this machine; the message says what is lacking. */
export class NotHere extends Error {}

const path = (file) => fileURLToPath(new URL(file, import.meta.url));

/** A contender of ours or of npm: a script of this folder run by this Node. */
export const node =
  (file, args = [], env = {}) =>
  () =>
    startChild(process.execPath, [path(file), ...args], env);

/** Pythons that are tried, in this order. */
export const interpreters = () =>
  (process.env.PYTHON || "python3,/usr/bin/python3").split(",").map((name) => name.trim());

/** A Python peer, run by the first interpreter that has its modules. */
export const python =
  (file, args = [], env = {}, among = interpreters()) =>
  async () => {
    const reasons = [];
    for (const interpreter of among) {
      try {
        return await startChild(interpreter, ["-u", path(file), ...args], env);
      } catch (error) {
        if (!(error instanceof NotHere)) throw error;
        reasons.push(error.message);
      }
    }
    throw new NotHere([...new Set(reasons)].join("; "));
  };

async function startChild(command, args, env) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors = (errors + chunk).slice(-4000);
  });
  child.stdin.on("error", () => {}); // its death is told by the missing answer
  const failed = new Promise((_, reject) => child.once("error", reject));
  failed.catch(() => {});
  const closed = new Promise((resolve) => child.once("close", resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await Promise.race([lines.next(), failed]);
    if (!done) return JSON.parse(value);
    await closed;
    throw new Error(`${args.find((arg) => /\.(mjs|py)$/.test(arg))} ended without an answer:\n${errors}`);
  };
  const first = await answer().catch((error) => {
    throw error.code === "ENOENT" ? new NotHere(`${command} is not installed`) : error;
  });
  if (first.missing) throw new NotHere(first.missing);
  return {
    version: first.version,
    request: (job) => {
      child.stdin.write(`${JSON.stringify(job)}\n`);
      return answer();
    },
    close: async () => {
      child.stdin.end();
      await closed;
    },
  };
}
