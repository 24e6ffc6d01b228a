/** How much of a body {@link notAFile} needs to see. */
export const SNIFF_BYTES = 1024;
/** No file we want is text; a text longer than this is not an error message either, and is left to the reader. */
const MAX_TEXT_BYTES = 65_536;

/**
 * What a body is when it is not the binary file that was asked for: servers send error pages and git-LFS pointers with
 * status 200. Undefined: it may be the file.
 * @param head the first bytes, {@link SNIFF_BYTES} or all there are
 * @param total length of the body where known
 */
export function notAFile(head: Uint8Array, total: number | undefined): string | undefined {
  if (head.length === 0) return "the body is empty";
  const text = new TextDecoder("latin1").decode(head.subarray(0, SNIFF_BYTES)).replace(/^\u00ef\u00bb\u00bf/, "");
  const start = text.trimStart();
  if (start.startsWith("version https://git-lfs.github.com/spec/")) {
    const size = /\nsize (\d+)/.exec(text)?.[1];
    return `a git-LFS pointer${size === undefined ? "" : ` to ${size} bytes`}, not the file; use the host's media or resolve URL`;
  }
  if (!isText(text)) return undefined;
  if (/^<(!doctype|html|head|body|!--|\?xml|script|title)\b/i.test(start) || start.startsWith("<!--")) {
    const title = /<title[^>]*>([^<]*)/i.exec(text)?.[1]?.trim();
    return `an ${start.startsWith("<?xml") ? "XML" : "HTML"} page${title ? ` titled "${title}"` : ""}, not the file`;
  }
  if (total !== undefined && total > MAX_TEXT_BYTES) return undefined;
  const excerpt = start.replace(/\s+/g, " ").slice(0, 120);
  return `${/^[{[]/.test(start) ? "a JSON message" : "a text"} (${excerpt}), not the file`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what tells binary from text
const isText = (text: string) => !/[\x00-\x08\x0e-\x1f]/.test(text);
