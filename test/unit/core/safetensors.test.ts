import { describe, expect, it } from "vitest";
import { encodeSafeHeader, parseSafeHeader, safeHeaderLength } from "../../../src/core/safetensors.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("safetensors header", () => {
  it("is the bytes the format asks for", () => {
    const header = encodeSafeHeader(
      [
        { name: "x", dtype: "F32", shape: [2, 3] },
        { name: "y", dtype: "I64", shape: [] },
      ],
      { by: "me" },
    );
    const json =
      '{"__metadata__":{"by":"me"},"x":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"y":{"dtype":"I64","shape":[],"data_offsets":[24,32]}}';
    expect(header.length % 8).toBe(0);
    expect([...header.subarray(0, 8)]).toEqual([header.length - 8, 0, 0, 0, 0, 0, 0, 0]);
    expect(new TextDecoder().decode(header.subarray(8)).trimEnd()).toBe(json);
  });

  it("reads what it wrote, padded to any length", () => {
    const header = encodeSafeHeader(
      [
        { name: "x", dtype: "U8", shape: [0, 5] },
        { name: "y", dtype: "F16", shape: [3] },
      ],
      { a: "b" },
      301,
    );
    expect(header.length).toBe(301);
    expect(safeHeaderLength(header, 307)).toBe(293);
    const { tensors, metadata } = parseSafeHeader(header.subarray(8), 307);
    expect(Object.fromEntries(tensors)).toEqual({
      x: { dtype: "U8", shape: [0, 5], start: 301, end: 301 },
      y: { dtype: "F16", shape: [3], start: 301, end: 307 },
    });
    expect(metadata).toEqual({ a: "b" });
    expect(() => encodeSafeHeader([{ name: "x", dtype: "U8", shape: [1] }], {}, 20)).toThrow(RangeError);
  });

  it("refuses a length before anything is allocated", () => {
    const prefix = (length: bigint) => {
      const out = new Uint8Array(8);
      new DataView(out.buffer).setBigUint64(0, length, true);
      return out;
    };
    expect(() => safeHeaderLength(prefix(2n ** 63n), 1e12)).toThrow("the limit is");
    expect(() => safeHeaderLength(prefix(93n), 100)).toThrow("93 bytes of a 100-byte file");
    expect(safeHeaderLength(prefix(92n), 100)).toBe(92);
    expect(() => safeHeaderLength(new Uint8Array(7), 7)).toThrow("shorter than 8 bytes");
  });

  const tensor = (shape: unknown, offsets: unknown, dtype: unknown = "U8") => ({ dtype, shape, data_offsets: offsets });
  it.each([
    ["not JSON", "{", "not JSON"],
    ["an array", "[]", "not a JSON object"],
    ["an entry of null", { x: null }, "unknown dtype"],
    ["an unknown dtype", { x: tensor([4], [0, 4], "toString") }, 'unknown dtype "toString"'],
    ["a negative size", { x: tensor([-2, -2], [0, 4]) }, "not a list of sizes"],
    ["a fraction", { x: tensor([0.5, 8], [0, 4]) }, "not a list of sizes"],
    ["three offsets", { x: tensor([4], [0, 4, 4]) }, "lacks its two"],
    ["bytes that do not fit the shape", { x: tensor([5], [0, 4]) }, "its offsets give 4"],
    [
      "a shape that overflows to nothing",
      { x: tensor([2 ** 40, 2 ** 40, 2 ** 1000, 0], [0, 4]) },
      "not a list of sizes",
    ],
    ["a hole", { x: tensor([2], [0, 2]), y: tensor([1], [3, 4]) }, "starts at byte"],
    ["an overlap", { x: tensor([3], [0, 3]), y: tensor([2], [2, 4]) }, "starts at byte"],
    ["bytes of no tensor", { x: tensor([3], [0, 3]) }, "the tensors end at"],
    ["a tensor past the end", { x: tensor([5], [0, 5]) }, "the tensors end at"],
    ["metadata of numbers", { __metadata__: { a: 1 }, x: tensor([4], [0, 4]) }, "__metadata__"],
  ])("refuses %s", (_, header, found) => {
    const json = bytes(typeof header === "string" ? header : JSON.stringify(header));
    expect(() => parseSafeHeader(json, 8 + json.length + 4)).toThrow(found);
  });

  it("takes any name, and tensors in any order", () => {
    const json = bytes(
      '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[3,4]},"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}',
    );
    expect([...parseSafeHeader(json, 8 + json.length + 4).tensors.keys()]).toEqual(["__proto__", "x"]);
  });
});
