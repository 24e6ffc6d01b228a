import { createRequire } from "node:module";
import type * as converter from "@tensorflow/tfjs-converter";
import type * as core from "@tensorflow/tfjs-core";

const require = createRequire(import.meta.url);

/**
 * TF.js is made of CommonJS bundles of megabytes. Node looks through such a file for the names it exports before an
 * `import` of it, which took a quarter of the time that the first load of a model takes; `require` gives the same modules.
 */
export const loadCore = (): typeof core => require("@tensorflow/tfjs-core");
export const loadConverter = (): typeof converter => require("@tensorflow/tfjs-converter");
