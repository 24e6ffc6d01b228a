import { describe, expect, test } from "vitest";
import { withRules } from "../../../converters/rules.ts";
import type { KeyRule } from "../../../src/core/spec.ts";
import { type MemoryTensor, memorySource } from "../../support/memory-source.ts";

const one = { shape: [1], values: [1] };
const named = (...names: string[]) => Object.fromEntries(names.map((name) => [name, one]));
const namesAfter = (tensors: Record<string, MemoryTensor>, ...rules: KeyRule[]) => [
  ...withRules(memorySource(tensors).source, rules).names(),
];
const failure = (tensors: Record<string, MemoryTensor>, ...rules: KeyRule[]): { code: string; message: string } => {
  try {
    withRules(memorySource(tensors).source, rules);
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error("the rules were taken");
};

const MOCO = named(
  "state_dict.module.encoder_q.conv1.weight",
  "state_dict.module.encoder_q.fc.bias",
  "state_dict.queue",
  "best",
);

describe("take and drop", () => {
  test("keep what is under a prefix", () => {
    expect(namesAfter(MOCO, { take: "state_dict.module.encoder_q." }, { drop: /^fc\./ })).toEqual(["conv1.weight"]);
  });

  test("the first prefix that occurs is taken", () => {
    expect(namesAfter(MOCO, { take: ["model.", "state_dict.module."] })).toEqual([
      "encoder_q.conv1.weight",
      "encoder_q.fc.bias",
    ]);
    expect(namesAfter(MOCO, { take: ["best", ""] })).toEqual([""]);
    expect(namesAfter(MOCO, { take: ["nothing.", ""] })).toEqual(Object.keys(MOCO));
  });

  test("no prefix occurs: the error lists what there is", () => {
    const { code, message } = failure(MOCO, { take: ["model.", "net."] });
    expect(code).toBe("KEYS");
    expect(message).toContain('"model." or "net."');
    expect(message).toContain("state_dict.queue");
    const many = named(...Array.from({ length: 500 }, (_, i) => `state_dict.module.layer.${i}.w`), "epoch");
    expect(failure(many, { take: "x." }).message).toContain("state_dict.module.layer.* (500), epoch");
  });

  test("drop may find nothing, and has no memory of its last match", () => {
    expect(namesAfter(named("a", "b"), { drop: /^x/ })).toEqual(["a", "b"]);
    expect(namesAfter(named("xa", "xb", "xc", "y"), { drop: /x/g })).toEqual(["y"]);
  });
});

describe("rename and copy", () => {
  test("rename replaces the first match, with groups, in the order of the rules", () => {
    expect(namesAfter(named("a.a.1", "b"), { rename: /a\.?/g, to: "" })).toEqual(["a.1", "b"]);
    expect(
      namesAfter(named("blk.3.w"), { rename: /blk\.(\d+)/, to: "blocks.$1" }, { rename: /^blocks/, to: "h" }),
    ).toEqual(["h.3.w"]);
  });

  test("copy shares one tensor under several names", async () => {
    const layer = withRules(memorySource({ t: { shape: [2], values: [1, 2] } }).source, [
      { copy: "t", to: ["a", "b"] },
    ]);
    expect([...layer.names()]).toEqual(["a", "b"]);
    const [a, b] = [await layer.read("a"), await layer.read("b")];
    expect([...a]).toEqual([1, 2]);
    expect(b).not.toBe(a);
  });

  test("two tensors of one name are an error", () => {
    for (const rule of [
      { rename: /[ab]/, to: "c" },
      { copy: "a", to: ["b"] },
      { concat: ["a"], axis: 0, to: "b" },
    ] satisfies KeyRule[]) {
      expect(failure(named("a", "b"), rule)).toMatchObject({
        code: "KEYS",
        message: expect.stringContaining("would be named"),
      });
    }
  });
});

describe("shapes", () => {
  const T = { t: { shape: [2, 3], values: [0, 1, 2, 3, 4, 5] } };
  const read = async (tensors: Record<string, MemoryTensor>, name: string, ...rules: KeyRule[]) => {
    const layer = withRules(memorySource(tensors).source, rules);
    return { shape: layer.meta(name).shape, values: [...(await layer.read(name))] };
  };

  test("permute", async () => {
    expect(await read(T, "t", { permute: /t/, axes: [1, 0] })).toEqual({ shape: [3, 2], values: [0, 3, 1, 4, 2, 5] });
    const cube = { t: { shape: [2, 2, 3], values: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] } };
    const turned = await read(cube, "t", { permute: /t/, axes: [2, 0, 1] });
    expect(turned).toEqual({ shape: [3, 2, 2], values: [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11] });
    expect(
      (await read(cube, "t", { permute: /t/, axes: [2, 0, 1] }, { permute: /t/, axes: [1, 2, 0] })).values,
    ).toEqual(cube.t.values);
  });

  test("reshape", async () => {
    expect(await read(T, "t", { reshape: /t/, shape: [3, 1, 2] })).toEqual({ shape: [3, 1, 2], values: T.t.values });
  });

  test("concat along any axis", async () => {
    const pair = { ...T, u: { shape: [2, 1], values: [8, 9] } };
    const wide = await read(pair, "v", { concat: ["u", "t"], axis: 1, to: "v" });
    expect(wide).toEqual({ shape: [2, 4], values: [8, 0, 1, 2, 9, 3, 4, 5] });
    const tall = await read({ ...T, u: { shape: [1, 3], values: [7, 8, 9] } }, "v", {
      concat: ["t", "u"],
      axis: 0,
      to: "v",
    });
    expect(tall).toEqual({ shape: [3, 3], values: [0, 1, 2, 3, 4, 5, 7, 8, 9] });
  });

  test("reshape infers one dimension", async () => {
    expect((await read(T, "t", { reshape: /t/, shape: [3, -1] })).shape).toEqual([3, 2]);
    expect((await read(T, "t", { reshape: /t/, shape: [-1] })).shape).toEqual([6]);
    expect(failure(T, { reshape: /t/, shape: [4, -1] })).toMatchObject({ code: "KEYS" });
    expect(failure(T, { reshape: /t/, shape: [-1, -1] })).toMatchObject({ code: "KEYS" });
  });

  test("concat by patterns makes one tensor of every group, parts in the order of the patterns", async () => {
    const part = (value: number) => ({ shape: [1], values: [value] });
    const tensors = { "0.v.b": part(3), "0.q.b": part(1), "1.q.b": part(4), "0.k.b": part(2), "1.v.b": part(6) };
    const rule: KeyRule = {
      concat: ["q", "k", "v"].map((p) => new RegExp(`^(\\d+)\\.${p}\\.(b|w)$`)),
      axis: 0,
      to: "$1.qkv.$2",
    };
    const whole = { ...tensors, "1.k.b": part(5), other: part(0) };
    expect(namesAfter(whole, rule)).toEqual(["other", "0.qkv.b", "1.qkv.b"]);
    expect((await read(whole, "0.qkv.b", rule)).values).toEqual([1, 2, 3]);
    expect((await read(whole, "1.qkv.b", rule)).values).toEqual([4, 5, 6]);
    expect(failure(tensors, rule).message).toContain("1.qkv.b");
    expect(failure(named("a"), rule).code).toBe("KEYS");
  });

  test("what does not fit is an error with names and shapes", () => {
    const bad: [KeyRule, string][] = [
      [{ permute: /t/, axes: [0] }, "permute [0] does not fit t [2,3]"],
      [{ permute: /t/, axes: [0, 0] }, "permute [0,0] does not fit t [2,3]"],
      [{ reshape: /t/, shape: [7] }, "reshape to [7] does not fit t [2,3]"],
      [{ concat: ["t", "u"], axis: 0, to: "v" }, "concat along axis 0 does not fit t [2,3], u [2,1]"],
      [{ concat: ["t", "u"], axis: 2, to: "v" }, "concat along axis 2"],
    ];
    for (const [rule, message] of bad) {
      const found = failure({ ...T, u: { shape: [2, 1], values: [0, 0] } }, rule);
      expect(found).toMatchObject({ code: "KEYS", message: expect.stringContaining(message) });
    }
  });
});

test("a rule that finds nothing is an error, but for drop", () => {
  for (const rule of [
    { rename: /x/, to: "y" },
    { permute: /x/, axes: [0] },
    { reshape: /x/, shape: [1] },
    { copy: "x", to: ["y"] },
    { concat: ["a", "x"], axis: 0, to: "y" },
    { take: "x." },
  ] satisfies KeyRule[]) {
    expect(failure(named("a", "b"), rule).code).toBe("KEYS");
  }
});

test("nothing is read before it is asked for, and closing reaches the file", async () => {
  const { source, reads } = memorySource({ "m.t": { shape: [2, 2], values: [1, 2, 3, 4] } });
  const layer = withRules(source, [{ take: "m." }, { permute: /t/, axes: [1, 0] }, { rename: /t/, to: "w" }]);
  expect(reads).toEqual([]);
  expect([...(await layer.read("w"))]).toEqual([1, 3, 2, 4]);
  await expect(layer.read("w", AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
  await layer.close();
  expect(reads).toEqual(["m.t", "close"]);
  expect(() => layer.meta("t")).toThrow("no such tensor");
});

describe("objects of unknown classes", () => {
  const rules = (opaque: Record<string, string>, ...list: KeyRule[]) =>
    withRules(memorySource(named("state_dict.w", "other.w"), opaque).source, list);
  const refusal = expect.objectContaining({
    code: "CHECKPOINT",
    message: expect.stringContaining("posix.system (byte 7 of x)"),
  });

  test("beside the tensors are left alone", () => {
    expect([...rules({ hook: "posix.system (byte 7 of x)" }, { take: "state_dict." }).names()]).toEqual(["w"]);
    expect([...rules({ hook: "posix.system (byte 7 of x)" }, { drop: /^(hook|other)/ }).names()]).toEqual([
      "state_dict.w",
    ]);
  });

  test("among the tensors, or on the way to them, are refused by name and byte", () => {
    expect(() => rules({ "state_dict.x": "posix.system (byte 7 of x)" }, { take: "state_dict." })).toThrow(refusal);
    expect(() => rules({ model: "posix.system (byte 7 of x)" }, { take: ["model.net."] })).toThrow(refusal);
    expect(() => rules({ hook: "posix.system (byte 7 of x)" })).toThrow(refusal);
  });
});
