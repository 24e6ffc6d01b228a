import { describe, expect, test } from "vitest";
import { type PickleOptions, readPickle } from "../../../converters/readers/pickle.ts";
import { Global, Placeholder } from "../../../converters/readers/pickle-objects.ts";
import { bytes, global, int, pickle, text } from "../../support/pickle-bytes.ts";

const read = (data: Uint8Array, options: Partial<PickleOptions> = {}) =>
  readPickle(data, { name: "the pickle", allow: new Map(), ...options }).value;
const refusal = (message: string) =>
  expect.objectContaining({ code: "CHECKPOINT", message: expect.stringContaining(message) });
const expectRefusal = (data: Uint8Array, message: string) => expect(() => read(data)).toThrow(refusal(message));

describe("plain data", () => {
  // What CPython's pickle.dumps writes for this value in each protocol.
  const VALUE = new Map<unknown, unknown>([
    ["a", 1],
    ["b", [1.5, null, true, -3]],
  ]);
  const DUMPS: [protocol: number, base64: string][] = [
    [0, "KGRwMApWYQpwMQpJMQpzVmIKcDIKKGxwMwpGMS41CmFOYUkwMQphSS0zCmFzLg=="],
    [2, "gAJ9cQAoWAEAAABhcQFLAVgBAAAAYnECXXEDKEc/+AAAAAAAAE6ISv3///9ldS4="],
    [4, "gASVIwAAAAAAAAB9lCiMAWGUSwGMAWKUXZQoRz/4AAAAAAAATohK/f///2V1Lg=="],
    [5, "gAWVIwAAAAAAAAB9lCiMAWGUSwGMAWKUXZQoRz/4AAAAAAAATohK/f///2V1Lg=="],
  ];
  for (const [protocol, base64] of DUMPS) {
    test(`of protocol ${protocol}`, () => expect(read(Buffer.from(base64, "base64"))).toEqual(VALUE));
  }

  test("integers are exact, bigint where a number is not", () => {
    expect(read(pickle(0x8a, 1, 0xff))).toBe(-1);
    expect(read(pickle(0x8a, 0))).toBe(0);
    expect(read(pickle(0x8a, 7, "\xff\xff\xff\xff\xff\xff\x1f"))).toBe(Number.MAX_SAFE_INTEGER);
    expect(read(pickle(0x8a, 7, "\x00\x00\x00\x00\x00\x00\x20"))).toBe(2n ** 53n);
    expect(read(pickle(0x8a, 10, "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"))).toBe(0x1950a86a20f9469cfc6cn);
    expect(read(pickle("L-123L\n"))).toBe(-123);
  });

  test("memo, sharing and cycles", () => {
    const shared = read(pickle("](", "]q", 0, "h", 0, "e")) as unknown[];
    expect(shared[0]).toBe(shared[1]);
    const cycle = read(pickle("]q", 0, "h", 0, "a")) as unknown[];
    expect(cycle[0]).toBe(cycle);
  });

  test("__proto__ is a key like any other", () => {
    const map = read(pickle("}", text("__proto__"), "}", text("polluted"), 0x88, "ss")) as Map<string, unknown>;
    expect([...map.keys()]).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test("ends where it ends, and starts where it is told", () => {
    const two = Buffer.concat([pickle("K", 1), pickle("K", 2)]);
    const first = readPickle(two, { name: "x", allow: new Map() });
    expect(first).toEqual({ value: 1, end: 5 });
    expect(readPickle(two, { name: "x", allow: new Map(), start: first.end })).toEqual({ value: 2, end: 10 });
  });
});

describe("globals", () => {
  test("outside the list become inert, with name and byte offset", () => {
    const value = read(pickle("N0", global("posix", "system"), text("echo"), 0x85, "R")) as Placeholder;
    expect(value).toBeInstanceOf(Placeholder);
    expect(value.of).toEqual(new Global("posix.system", 4));
    expect(value.parts).toEqual([["echo"]]);
  });

  test("every way to make an object is inert", () => {
    const evil = global("builtins", "eval");
    const ways: Record<string, Uint8Array> = {
      REDUCE: pickle(evil, ")R"),
      NEWOBJ: pickle(evil, ")", 0x81),
      NEWOBJ_EX: pickle(evil, ")}", 0x92),
      INST: pickle("(", "ibuiltins\neval\n"),
      OBJ: pickle("(", evil, "o"),
      STACK_GLOBAL: pickle(text("builtins"), text("eval"), 0x93, ")R"),
      BUILD: pickle(evil, ")R", "}b"),
      APPENDS: pickle(evil, ")R", "(K", 1, "e"),
      SETITEMS: pickle(evil, ")R", "(K", 1, "K", 2, "u"),
      "the result called again": pickle(evil, ")R", ")R"),
    };
    for (const [way, data] of Object.entries(ways)) {
      const value = read(data);
      expect(value, way).toBeInstanceOf(Placeholder);
      expect((value as Placeholder).of.name, way).toBe("builtins.eval");
    }
  });

  test("of the list are made by their reducer, and take state only as it says", () => {
    const allow = new Map([
      [
        "m.Box",
        {
          make: () => new Map(),
          build: (box: unknown, state: unknown) => void (box as Map<string, unknown>).set("state", state),
        },
      ],
      ["m.Plain", { make: (args: readonly unknown[]) => [...args] }],
    ]);
    expect(read(pickle(global("m", "Box"), ")R", "K", 7, "b"), { allow })).toEqual(new Map([["state", 7]]));
    expect(read(pickle(global("m", "Plain"), "K", 1, 0x85, "R", "}b"), { allow })).toEqual([1]);
  });

  test("names of Object.prototype are outside the list", () => {
    expect(read(pickle(global("constructor", "constructor"), ")R"))).toBeInstanceOf(Placeholder);
    expect(read(pickle(global("__proto__", "toString"), ")R"))).toBeInstanceOf(Placeholder);
  });
});

describe("damage and hostility end in a refusal", () => {
  const CASES: Record<string, [data: Uint8Array, message: string]> = {
    "no STOP": [bytes(0x80, 2, "N"), "ends at byte 3"],
    "empty stack": [pickle(""), "empty stack, at byte 2"],
    "pop below the mark": [pickle("N(0"), "empty stack"],
    "no mark": [pickle("t"), "closes what it did not open"],
    "unknown opcode": [pickle(0xff), "unknown opcode 0xff, at byte 2"],
    "extension registry": [pickle(0x82, 1), "unknown opcode 0x82"],
    "protocol 6": [bytes(0x80, 6, "N."), "protocol above 5"],
    "unknown memo": [pickle("h", 3), "recalls a value 3"],
    "a text of 4 GB": [pickle("X\xff\xff\xff\xff"), "in the middle of a value"],
    "bytes of 2^63": [pickle(0x8e, "\0\0\0\0\0\0\0\x80"), "in the middle of a value"],
    "an integer of 2 GB": [pickle(0x8b, "\xff\xff\xff\x7f"), "integer of 2147483647 bytes"],
    "an endless line": [pickle("c", "a".repeat(5000)), "endless line"],
    "an odd dict": [pickle("}(Nu"), "key without a value"],
    "items of no dict": [pickle("](NNu"), "needs a dict"],
    "calling a number": [pickle("K", 1, ")R"), "calls what is no class"],
    "arguments that are none": [pickle(global("a", "b"), "NR"), "needs a list"],
    "a persistent id nobody knows": [pickle("NQ"), "outside itself"],
    "deep marks": [pickle("(".repeat(20_000)), "nests more than 10000 deep"],
    "a million lists": [pickle("]0".repeat(1_000_001)), "more than 1000000 objects"],
    "endless work": [pickle("N", "20".repeat(4_100_000)), "more than 8000000 steps"],
  };
  for (const [name, [data, message]] of Object.entries(CASES)) test(name, () => expectRefusal(data, message));

  test("a huge memo index costs nothing", () => {
    expect(read(pickle("Nr\xff\xff\xff\xff", "0j\xff\xff\xff\xff"))).toBeNull();
  });

  test("being cut off is told apart", () => {
    expect(() => read(bytes(0x80, 2, "]"))).toThrow(expect.objectContaining({ details: { truncated: true } }));
    expect(() => read(pickle(int(1), "t"))).toThrow(expect.objectContaining({ details: { offset: 7 } }));
  });
});
