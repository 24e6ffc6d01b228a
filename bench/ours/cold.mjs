import { notHere, peakMemory, serve, stopwatch } from "./serve.mjs";

const [backend, cache] = process.argv.slice(2);
process.env.SSL_HUB_DIR = cache;
if (backend !== "wasm") {
  // Told before the clock starts: whether the package is there.
  await import(`@tensorflow/${backend}/package.json`, { with: { type: "json" } }).catch(() =>
    notHere(`@tensorflow/${backend} is not installed`),
  );
}

await serve("this package", async ({ path }) => {
  const stop = stopwatch();
  const hub = await import("ssl-hub");
  const [encoder] = await hub.load("init_rn50", { backend });
  await encoder.encode([path]);
  return { ...stop(), peak: peakMemory() };
});
