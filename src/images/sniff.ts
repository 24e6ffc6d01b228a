/** The formats we decode. */
export type ImageFormat = "jpeg" | "png" | "webp" | "tiff" | "gif" | "bmp" | "pnm";

/** First bytes as Latin-1 (`?` stands for any byte) and what they mean. */
const MAGIC: readonly (readonly [string, ImageFormat])[] = [
  ["\xff\xd8\xff", "jpeg"],
  ["\x89PNG\r\n\x1a\n", "png"],
  ["RIFF????WEBP", "webp"],
  ["II*\0", "tiff"],
  ["MM\0*", "tiff"],
  ["II+\0", "tiff"],
  ["MM\0+", "tiff"],
  ["GIF87a", "gif"],
  ["GIF89a", "gif"],
  ["BM", "bmp"],
];

/** Recognised only to say what it is: PIL 9.4 does not read most of these, and we read none. */
const OTHERS: readonly (readonly [string, string])[] = [
  ["????ftypavif", "an AVIF image"],
  ["????ftypavis", "an AVIF image"],
  ["????ftyphei", "an HEIF image"],
  ["????ftypmif1", "an HEIF image"],
  ["\0\0\0\x0cjP  ", "a JPEG 2000 image"],
  ["\xff\x4f\xff\x51", "a JPEG 2000 image"],
  ["\xff\x0a", "a JPEG XL image"],
  ["\0\0\0\x0cJXL ", "a JPEG XL image"],
  ["8BPS", "a Photoshop file"],
  ["\0\0\x01\0", "an icon file"],
  ["%PDF", "a PDF document"],
  ["%!PS", "a PostScript file"],
  ["PK\x03\x04", "a zip archive"],
  ["\x1f\x8b", "a gzip file"],
  ["version https://git-lfs", "a git-LFS pointer, not the file itself"],
];

const starts = (head: string, magic: string) =>
  head.length >= magic.length && [...magic].every((c, i) => c === "?" || c === head[i]);

/**
 * What the first bytes say an image is; a file's name is never looked at.
 * @returns the format, or under `not` a phrase for what was found instead.
 */
export function sniff(bytes: Uint8Array): { format: ImageFormat } | { not: string } {
  if (bytes.length === 0) return { not: "an empty file" };
  const head = String.fromCharCode(...bytes.subarray(0, 512));
  if (/^P[1-6][ \t\n\v\f\r]/.test(head)) return { format: "pnm" };
  for (const [magic, format] of MAGIC) if (starts(head, magic)) return { format };
  for (const [magic, text] of OTHERS) if (starts(head, magic)) return { not: text };
  if (/<svg[\s>]/i.test(head)) return { not: "an SVG drawing" };
  if (/^\s*<(!doctype html|html|head|body)/i.test(head)) return { not: "an HTML page" };
  if (/^[\t\n\r\x20-\x7e]+$/.test(head)) return { not: `text beginning with ${JSON.stringify(head.slice(0, 24))}` };
  const hex = Array.from(bytes.subarray(0, 8), (b) => b.toString(16).padStart(2, "0")).join(" ");
  return { not: `no known image format, first bytes ${hex}` };
}
