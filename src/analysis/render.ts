import type { TopLevelSpec } from "vega-lite";

/** Draws a vega-lite specification as SVG text. */
export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const [{ compile }, vega] = await Promise.all([import("vega-lite"), import("vega")]);
  const view = new vega.View(vega.parse(compile(spec).spec), { renderer: "none", logLevel: vega.Error });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** An SVG text as PNG bytes, at twice its size. */
export async function renderPng(svg: string): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  return await sharp(Buffer.from(svg), { density: 144, limitInputPixels: 400_000_000 })
    .png({ palette: true })
    .toBuffer();
}
