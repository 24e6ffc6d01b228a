import { expect, test } from "vitest";
import { presentClasses } from "../../../src/decompose/present-classes.ts";

test.each([
  ["ascending already", [0, 1, 2, 1], [0, 1, 2], [0, 1, 2, 1]],
  ["first met in another order", [7, 2, 7, 5, 2], [2, 5, 7], [2, 0, 2, 1, 0]],
  ["as numbers, not as texts", [10, 9, 100], [9, 10, 100], [1, 0, 2]],
  ["one class", [4, 4], [4], [0, 0]],
])("labels become places among the classes that occur: %s", (_, labels, present, y) => {
  const given = Int32Array.from(labels);
  expect(presentClasses(given)).toEqual({ y: Int32Array.from(y), present: Int32Array.from(present) });
  expect([...given]).toEqual(labels);
});
