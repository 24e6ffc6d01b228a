import { messageOf } from "../../src/core/errors.ts";
import { byId, h, select } from "../explorer/dom.ts";
import { renderGrid } from "./grid-view.ts";
import { fewShot } from "./learn.ts";
import { labelCounts, labelled, type Page } from "./page.ts";

const SHOTS = ["all", "1", "2", "5", "10"];

let latest = 0;

/** Fits the classifier on the labels there are; its guesses stand below the images. */
export async function renderClassifier(page: Page): Promise<void> {
  const turn = ++latest;
  const counts = labelCounts(page).filter((count) => count > 0);
  const host = byId("few-shot");
  if (counts.length < 2) {
    for (const item of page.items) item.guess = null;
    host.replaceChildren(h("p", {}, "Label at least one image of two classes: add a class above, then click images."));
    return;
  }
  try {
    const { rows, predictions, accuracy, tested } = await fewShot(labelled(page), page.shots);
    // Labels may have changed meanwhile.
    if (turn !== latest) return;
    const fitted = new Set(rows);
    page.items.forEach((item, i) => {
      item.guess = { ...predictions[i]!, fitted: fitted.has(i) };
    });
    renderGrid(page);
    const change = (value: string) => {
      page.shots = value === "all" ? "all" : Number(value);
      page.changed();
    };
    const choices = SHOTS.map((n) => [n, n === "all" ? "all" : `${n} a class`] as const);
    const focused = document.activeElement?.id === "shots";
    host.replaceChildren(
      h("div", { class: "controls" }, select("shots", "Labels it is given", choices, String(page.shots), change)),
      h("p", { id: "few-shot-result" }, `Fitted on ${rows.length} labelled images of ${counts.length} classes. `, verdict(accuracy, tested)), // biome-ignore format: a line
    );
    if (focused) byId("shots").focus();
  } catch (error) {
    host.replaceChildren(h("p", { class: "warning" }, messageOf(error)));
  }
}

function verdict(accuracy: number | null, tested: number): string {
  if (accuracy === null) return "Its guesses stand below the images that have no label.";
  return `Of the other ${tested} labelled images it gets ${accuracy.toFixed(1)} % right.`;
}
