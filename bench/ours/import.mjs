import { serve, stopwatch } from "./serve.mjs";

await serve("this package", async () => {
  const stop = stopwatch();
  await import("ssl-hub");
  return stop();
});
