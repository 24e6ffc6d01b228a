import { describe, expect, test } from "vitest";
import { hashInName, mismatch } from "../../../src/store/expect.ts";
import { directUrl, driveConfirmation, fileNameOf } from "../../../src/store/location.ts";

describe("fileNameOf", () => {
  test.each([
    ["https://a.org/x/model.pth.tar?dl=1#top", "model.pth.tar"],
    ["https://a.org/x/", "x"],
    ["https://a.org", "file"],
    ["https://a.org/%2e%2e%2fescape", "_escape"],
    ["https://a.org/a%2Fb%00c.pth", "a_b_c.pth"],
    ["https://a.org/%zz", "_zz"],
    ["https://drive.google.com/u/0/uc?id=1Kd_x-3&export=download&confirm=t&uuid=86bc", "gdrive-1Kd_x-3"],
    ["https://drive.google.com/file/d/1Kd_x-3/view?usp=sharing", "gdrive-1Kd_x-3"],
  ])("%s", (url, name) => {
    expect(fileNameOf(url)).toBe(name);
  });

  test("a long name keeps its end", () => {
    expect(fileNameOf(`https://a.org/${"x".repeat(500)}-0676ba61.pth`)).toMatch(/^x{87}-0676ba61\.pth$/);
  });
});

describe("directUrl", () => {
  const drive = "https://drive.google.com/uc?export=download&confirm=t&id=1Kd_x-3";
  test.each([
    ["https://drive.google.com/uc?export=download&id=1Kd_x-3", drive],
    ["https://drive.google.com/u/0/uc?id=1Kd_x-3&export=download&confirm=t&uuid=86bc", drive],
    ["https://drive.google.com/file/d/1Kd_x-3/view?usp=sharing", drive],
    ["https://drive.google.com/open?id=1Kd_x-3&resourcekey=0-ab", `${drive}&resourcekey=0-ab`],
    [
      "https://www.dropbox.com/sh/87d/AAA/InfoMin_800.pth?dl=0",
      "https://www.dropbox.com/sh/87d/AAA/InfoMin_800.pth?dl=1",
    ],
    ["https://www.dropbox.com/s/87d/m.pth", "https://www.dropbox.com/s/87d/m.pth?dl=1"],
    ["https://notdropbox.com/s/87d/m.pth?dl=0", "https://notdropbox.com/s/87d/m.pth?dl=0"],
    ["https://a.org/m.pth?id=5", "https://a.org/m.pth?id=5"],
  ])("%s", (url, direct) => {
    expect(directUrl(url)).toBe(direct);
  });
});

describe("driveConfirmation", () => {
  const page = new URL("https://drive.google.com/uc?id=1K");
  const form = (action: string) => `<html><form id="download-form" action="${action}" method="get">
    <input type="submit" id="uc-download-link" value="Download anyway"/><input type="hidden" name="id" value="1K">
    <input type="hidden" name="confirm" value="t&amp;1"><input type="hidden" name="uuid" value="86-bc"></form></html>`;

  test("the form's action with its hidden fields", () => {
    expect(driveConfirmation(form("https://drive.usercontent.google.com/download"), page)).toBe(
      "https://drive.usercontent.google.com/download?id=1K&confirm=t%261&uuid=86-bc",
    );
  });

  test("the link of older pages", () => {
    const html = '<a id="uc-download-link" href="/uc?export=download&amp;confirm=AbCd&amp;id=1K">Download anyway</a>';
    expect(driveConfirmation(html, page)).toBe("https://drive.google.com/uc?export=download&confirm=AbCd&id=1K");
  });

  test.each([
    "https://evil.org/download",
    "http://drive.google.com/uc",
    "https://drive.google.com.evil.org/",
    "javascript:1",
  ])("not to %s", (action) => {
    expect(driveConfirmation(form(action), page)).toBeUndefined();
  });

  test("other pages", () => {
    expect(driveConfirmation("<html><title>Quota exceeded</title></html>", page)).toBeUndefined();
  });
});

describe("hashInName", () => {
  test.each([
    ["resnet50-0676ba61.pth", "0676ba61"],
    ["swav_20220825-5b3fc7fc.pth", "5b3fc7fc"],
    ["m-0676ba61.pth.tar", "0676ba61"],
    [`m-${"a".repeat(64)}.pt`, "a".repeat(64)],
    ["m-99999999.pth", "99999999"],
    ["m-20220825.pth", undefined],
    ["m-0676ba6.pth", undefined],
    ["m_0676ba61.pth", undefined],
    ["m-0676ba61.npz", undefined],
    ["m-0676ba6g.pth", undefined],
  ])("%s", (name, hash) => {
    expect(hashInName(`https://a.org/x/${name}?query-12345678.pth`)).toBe(hash);
  });
});

describe("mismatch", () => {
  const found = { sha256: `0676ba61${"0".repeat(56)}`, md5: "d41d8cd9", bytes: 5 };
  test("a known hash replaces the one in the name", () => {
    const url = "https://a.org/m-ffffffff.pth";
    expect(mismatch({ url }, found)).toMatch(/instead of ffffffff/);
    expect(mismatch({ url, sha256: found.sha256 }, found)).toBeUndefined();
  });
});
