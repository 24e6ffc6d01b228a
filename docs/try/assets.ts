import { h } from "../explorer/dom.ts";

/** What the scripts beside the page hold. They are scripts since a page of a file may not fetch. */
export interface PageAssets {
  /** WebAssembly of TF.js's backend, SIMD, in base64. */
  SSL_HUB_WASM?: string;
  /** The embedded encoder: model.json, and its shards in base64 by name. */
  SSL_HUB_MODEL?: { json: string; shards: Record<string, string> };
  /** Sample images: `count` grey images of side 8 in base64, one after the other, and their labels. */
  SSL_HUB_SAMPLES?: { side: number; pixels: string; labels: number[]; classes: string[] };
}

declare global {
  interface Window extends PageAssets {}
}

const loading = new Map<string, Promise<void>>();

/** Runs a script of the page's folder once. */
export function loadScript(name: string): Promise<void> {
  let found = loading.get(name);
  if (found === undefined) {
    found = new Promise<void>((load, fail) => {
      const error = () => {
        loading.delete(name);
        fail(new Error(`${name} is missing beside this page: copy the whole folder.`));
      };
      document.head.append(h("script", { src: name, load: () => load(), error }));
    });
    loading.set(name, found);
  }
  return found;
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
