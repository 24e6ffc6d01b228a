// What the suites measure, as the report shows it.
export const TIME = { key: "wall", label: "time", unit: "ms", ratio: "time" };
export const CPU = { key: "cpu", label: "CPU", unit: "ms", ratio: "CPU" };
export const PEAK = { key: "peak", label: "peak memory", unit: "MiB", ratio: "peak" };
export const RATE = { key: "rate", label: "images/s", ratio: "images/s" };
export const CPU_PER_IMAGE = { key: "cpu", label: "CPU", unit: "ms an image", ratio: "CPU" };
