import { join } from "node:path";
import { expect, it } from "vitest";
import { info } from "../../../src/cli/info.ts";
import * as hub from "../../../src/index.ts";
import { wantedModel } from "../../../src/load.ts";
import { artifactFiles, writeFiles } from "../../support/artifact.ts";
import { scratch } from "../../support/scratch.ts";

async function run(name: string, json = false): Promise<string> {
  const lines: string[] = [];
  const job = { signal: new AbortController().signal, onProgress: () => {} };
  await info.run([name], {}, { json, job, print: (text) => lines.push(text) });
  return lines.join("\n");
}

it("ssl-hub info shows the card, and of each converted form in the cache where it is and what float16 costs", async () => {
  const cache = scratch();
  hub.setDir(cache);
  expect(await run("dino_vitS16")).toBe(hub.help("dino_vitS16"));
  const options = { representation: "tokens", imageSize: 448, dtype: "float16" } as const;
  const { key, archive } = await wantedModel("dino_vitS16", options);
  expect(archive).toBe("dino_vitS16.tokens.448px.float16");
  const facts = {
    fingerprint: key,
    representation: "tokens",
    image_size: 448,
    dtype: "float16",
    float16_error: 5.12e-4,
  };
  const folder = join(cache, "models", "dino_vitS16", key);
  await writeFiles(
    folder,
    artifactFiles((about) => Object.assign(about, facts)),
  );
  // Something broken beside it is for ssl-hub verify.
  await writeFiles(join(cache, "models", "dino_vitS16", "broken"), { "model.json": Buffer.from("{") });
  const text = await run("DINO_vits16");
  expect(text).toContain(`\nIn the cache\n  tokens, 448 pixels, float16: ${folder}\n`);
  expect(text).toContain("float16: relative error of the features 5.1e-4");
  expect(JSON.parse(await run("dino_vitS16", true))).toMatchObject({
    name: "dino_vitS16",
    float16_error: expect.any(Number),
    cached: [{ folder, representation: "tokens", image_size: 448, dtype: "float16", float16_error: 5.12e-4 }],
  });
});
