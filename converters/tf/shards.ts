import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { ArtifactInfo } from "../../src/core/artifact.ts";

/** Bytes in a weight shard: small enough to cache in a browser, large enough to be few. */
const SHARD_BYTES = 64 * 2 ** 20;

/** Cuts a stream of `total` bytes into files of `SHARD_BYTES`, hashing on the way. */
export class ShardWriter {
  readonly done: ArtifactInfo["shards"] = {};
  private readonly dir: string;
  private readonly count: number;
  private index = 0;
  private bytes = 0;
  private hash = createHash("sha256");
  private file: FileHandle | undefined;

  constructor(dir: string, total: number) {
    this.dir = dir;
    this.count = Math.max(1, Math.ceil(total / SHARD_BYTES));
  }
  async write(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length; ) {
      this.file ??= await open(join(this.dir, this.name()), "wx");
      const part = data.subarray(at, at + SHARD_BYTES - this.bytes);
      await this.file.write(part);
      this.hash.update(part);
      this.bytes += part.length;
      at += part.length;
      if (this.bytes === SHARD_BYTES) await this.close();
    }
  }

  /** Ends the current shard; the next write starts another. */
  async close(): Promise<void> {
    if (this.file === undefined) return;
    const file = this.file;
    this.file = undefined;
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    this.done[this.name()] = { bytes: this.bytes, sha256: this.hash.digest("hex") };
    this.index++;
    this.bytes = 0;
    this.hash = createHash("sha256");
  }

  private name(): string {
    return `group1-shard${this.index + 1}of${this.count}.bin`;
  }
}
