// The engine of the page, a script of its own: TF.js, its WebAssembly and its plain JavaScript backend.
import "@tensorflow/tfjs-backend-cpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import * as tf from "@tensorflow/tfjs-core";

export interface PageTf {
  tf: typeof tf;
  loadGraphModel: typeof loadGraphModel;
  setWasmPaths: typeof setWasmPaths;
}

declare global {
  interface Window {
    SSL_HUB_TF?: PageTf;
  }
}

window.SSL_HUB_TF = { tf, loadGraphModel, setWasmPaths };
