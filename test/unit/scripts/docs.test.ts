import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
// @ts-expect-error a script without types
import { checkLinks } from "../../../scripts/docs/check-links.mjs";
// @ts-expect-error a script without types
import { listPages, renderPage } from "../../../scripts/docs/pages.mjs";

const root = fileURLToPath(new URL("../../..", import.meta.url));

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "ssl-hub-site-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const write = (name: string, html: string) => {
  mkdirSync(join(dir, name, ".."), { recursive: true });
  writeFileSync(join(dir, name), html);
};

describe("the link checker", () => {
  test("passes files, folders, anchors, states of applications; leaves other sites alone", () => {
    write(
      "index.html",
      `<a href="a/b.html#x">b</a> <a href="a/">a</a> <img src="a/c.svg"> <a href="https://example.org/gone">far</a>
       <a href="a/index.html#view=table">state</a> <a href="#here">here</a> <h2 id="here">Here</h2> <a href="mailto:a@b">m</a>
       <!-- <a href="commented.html"> --><script>const text = '<a href="script.html">';</script>`,
    );
    write(
      "a/b.html",
      `<p id=""><i id='x'></i><a href="../index.html#here">up</a> <a href="b.html?q=1&amp;r=2#x">self</a>`,
    );
    write("a/index.html", "");
    write("a/c.svg", "<svg/>");
    expect(checkLinks(dir)).toEqual({ pages: 3, links: 7, dead: [] });
  });

  test("finds what is dead, and says where and why", () => {
    write(
      "index.html",
      `<a href="gone.html">1</a><a class="x" href='a.html#gone'>2</a><script src="gone.js"></script>`,
    );
    write("a.html", `<a href="../outside.html">3</a><a href="/root.html">4</a><a href="api/x.html">5</a>`);
    expect(checkLinks(dir, { except: ["api/"] }).dead.toSorted()).toEqual([
      "a.html: ../outside.html (leads out of the site's folder)",
      "a.html: /root.html (leads out of the site's folder)",
      "index.html: a.html#gone (no such anchor)",
      "index.html: gone.html (no such file)",
      "index.html: gone.js (no such file)",
    ]);
  });
});

describe("pages of Markdown", () => {
  const pages = listPages(root) as { source: string; out: string; title: string; text: string; section: string }[];
  const render = (text: string, source = "docs/guide.md") => {
    const needed: string[] = [];
    const page = { ...pages.find((one) => one.source === source)!, text };
    const need = (file: string) => {
      needed.push(file);
      return `files/${file}`;
    };
    return { ...(renderPage(page, pages, root, need) as { html: string; headings: unknown[] }), needed };
  };

  test("every page of docs/ is there once, the readme is the first", () => {
    expect(pages[0]).toMatchObject({ source: "README.md", out: "index.html", title: "Overview" });
    const outs = pages.map(({ out }) => out);
    expect(new Set(outs).size).toBe(outs.length);
    for (const out of ["models.html", "metadata.html", "contributing.html", "guide.html", "tutorial.html"]) {
      expect(outs).toContain(out);
    }
  });

  test("links lead to pages, needed files come along, dead ones stay dead", () => {
    const { html, needed } = render("[a](models.md#dino_rn50) [b](../CONTRIBUTING.md) ![c](demo.svg) [d](nowhere.md)");
    expect(html).toContain('href="models.html#dino_rn50"');
    expect(html).toContain('href="contributing.html"');
    expect(html).toContain('src="files/docs/demo.svg"');
    expect(html).toContain('href="nowhere.md"');
    expect(needed).toEqual(["docs/demo.svg"]);
    expect(render("[e](../../etc/passwd)").needed).toEqual([]);
  });

  test("headings have GitHub's ids, HTML stays text", () => {
    const { html, headings } = render("## A `b_c`, d!\n\n## A `b_c`, d!\n\n<script>x</script>");
    expect(html).toContain('<h2 id="a-b_c-d">');
    expect(html).toContain('<h2 id="a-b_c-d-1">');
    expect(headings).toHaveLength(2);
    expect(html).not.toContain("<script>");
  });
});
