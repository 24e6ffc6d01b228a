import { join } from "node:path";
import sharp from "sharp";
import { uniform } from "./rng.mjs";

/** JPEGs of about 500 x 375, quality 90: smooth noise of three scales, which compresses about as a photograph. */
export async function writePhotos(dir, n) {
  const paths = [];
  for (let i = 0; i < n; i++) {
    const next = uniform(1000 + i);
    const [long, short] = [480 + Math.floor(next() * 40), 355 + Math.floor(next() * 40)];
    const [width, height] = i % 4 === 3 ? [short, long] : [long, short];
    const total = new Float32Array(width * height * 3);
    for (const [cells, amplitude] of [
      [4, 160],
      [24, 60],
      [125, 30],
    ]) {
      const raw = { width: cells, height: Math.ceil((cells * 3) / 4), channels: 3 };
      const grid = Uint8Array.from({ length: raw.width * raw.height * 3 }, () => next() * 256);
      const noise = await sharp(grid, { raw }).resize(width, height, { fit: "fill" }).raw().toBuffer();
      for (let j = 0; j < total.length; j++) total[j] += (noise[j] / 255 - 0.5) * amplitude;
    }
    const pixels = Uint8ClampedArray.from(total, (value) => 128 + value);
    const path = join(dir, `photo-${i}.jpg`);
    await sharp(pixels, { raw: { width, height, channels: 3 } })
      .jpeg({ quality: 90 })
      .toFile(path);
    paths.push(path);
  }
  return paths;
}
