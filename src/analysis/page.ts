import { escapeHtml } from "../core/html.ts";
import type { Analysis } from "./analyze.ts";
import { NOT_REPRODUCED } from "./figures/checks.ts";
import type { Datum, Figure } from "./figures/figure.ts";
import { hasOwn } from "./figures/own-marks.ts";

const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; }
figure { margin: 2.5rem 0; } figure > div { overflow-x: auto; background: white; border: 1px solid #8884; border-radius: 6px; padding: .5rem; }
figure img { display: block; max-width: none; } figure img.wide { width: 100%; height: auto; }
h2 { font-size: 1.15rem; margin: 0 0 .2rem; } h2 small { font-weight: normal; opacity: .7; }
.note { border-left: 4px solid #E69F00; padding-left: .8rem; } figcaption p { margin: .3rem 0; }
table { border-collapse: collapse; font-size: .85rem; } th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; } .table { max-height: 26rem; overflow: auto; background: none; }
nav ol { columns: 2; column-gap: 3.5rem; padding-left: 2.2rem; } nav li { break-inside: avoid; overflow-wrap: anywhere; padding: .1rem 0; } @media (max-width: 40rem) { nav ol { columns: 1; } }`;

const OWN_NOTE =
  "Your runs are the red diamonds; fits, p-values, means and all other quantities are the paper's alone, as without them.";

/** A page of all figures in the order of the paper, each with a sentence on how to read it. */
export function indexPage({ figures }: Analysis, drawn: ReadonlySet<string>): string {
  const links = figures.map(
    ({ id, paper, title }) => `<li><a href="#${id}">${escapeHtml(paper)}: ${escapeHtml(title)}</a></li>`,
  );
  const absent = NOT_REPRODUCED.map(({ what, why }) => `<li><b>${escapeHtml(what)}</b>: ${escapeHtml(why)}</li>`);
  const own = figures.some(({ rows }) => hasOwn(rows));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Evaluating self-supervised learning via risk decomposition, recomputed</title><style>${STYLE}</style></head>
<body><h1>Evaluating self-supervised learning via risk decomposition, recomputed</h1>
<p>Figures and tables of the paper (ICML 2023, <a href="https://arxiv.org/abs/2302.03068">arXiv 2302.03068</a>) from its results table. Errors are in percent. All quantities: <a href="numbers.json">numbers.json</a>.${own ? ` ${OWN_NOTE}` : ""}</p>
<nav><ol>${links.join("")}</ol></nav>
${figures.map((figure) => section(figure, drawn.has(figure.id))).join("\n")}
<h2>What cannot be reproduced</h2><ul>${absent.join("")}</ul></body></html>
`;
}

function section({ id, paper, title, how, note, rows }: Figure, drawn: boolean): string {
  const file = (end: string) => `figures/${id}.${end}`;
  const wide = id === "radar_all" ? ' class="wide"' : "";
  const body = drawn
    ? `<div><img src="${file("svg")}" alt="${escapeHtml(title)}"${wide} loading="lazy"></div>`
    : `<div class="table">${table(rows)}</div>`;
  const files = drawn ? ["svg", "png", "vl.json", "csv"] : ["csv"];
  const links = files.map((end) => `<a href="${file(end)}">${end}</a>`).join(" ");
  const notes = note === undefined ? "" : `<p class="note">${escapeHtml(note)}</p>`;
  return `<figure id="${id}"><h2>${escapeHtml(title)} <small>${escapeHtml(paper)}</small></h2>${body}<figcaption><p>${escapeHtml(how)}</p>${notes}<p>${links}</p></figcaption></figure>`;
}

function table(rows: readonly Datum[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value: unknown) => (typeof value === "number" ? Number(value.toPrecision(4)) : (value ?? ""));
  const line = (row: Datum) =>
    `<tr>${columns.map((column) => `<td>${escapeHtml(String(cell(row[column])))}</td>`).join("")}</tr>`;
  return `<table><thead><tr>${columns.map((column) => `<th>${escapeHtml(column)}</th>`).join("")}</tr></thead><tbody>${rows.map(line).join("")}</tbody></table>`;
}
