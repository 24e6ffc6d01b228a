/** What is known of a file before it is had. */
export interface Expected {
  url: string;
  /** SHA-256, 64 hex digits. */
  sha256?: string;
  /** MD5 or the beginning of it, as some authors publish it. */
  md5?: string;
  bytes?: number;
}

/** What a file turned out to be. `md5` only where it was computed. */
export interface Digests {
  sha256: string;
  md5?: string;
  bytes: number;
}

/** How a file differs from what it should be, as the end of a sentence; undefined when it does not. */
export function mismatch(expected: Expected, found: Digests): string | undefined {
  if (expected.bytes !== undefined && expected.bytes !== found.bytes) {
    return `it has ${found.bytes} bytes instead of ${expected.bytes}`;
  }
  const prefix = (expected.sha256 ?? hashInName(expected.url) ?? "").toLowerCase();
  if (!found.sha256.startsWith(prefix)) return `its SHA-256 is ${found.sha256} instead of ${prefix}`;
  const md5 = (expected.md5 ?? "").toLowerCase();
  if (found.md5 !== undefined && !found.md5.startsWith(md5)) return `its MD5 is ${found.md5} instead of ${md5}`;
  return undefined;
}

/** Whether anything but trust tells the right file from another. */
export const isChecked = ({ sha256, md5, url }: Expected): boolean =>
  sha256 !== undefined || md5 !== undefined || hashInName(url) !== undefined;

/**
 * The beginning of the SHA-256 that torch's convention writes into a file name: `resnet50-0676ba61.pth`. Eight digits
 * that read as a day are one (`-20220825.pth`).
 */
export function hashInName(url: string): string | undefined {
  const { pathname } = new URL(url);
  const hex = /-([0-9a-f]{8,64})\.(?:pth\.tar|pth|pt|tar)$/.exec(pathname)?.[1];
  return hex === undefined || /^20[0-3]\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$/.test(hex) ? undefined : hex;
}
