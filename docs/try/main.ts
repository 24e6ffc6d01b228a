import { messageOf } from "../../src/core/errors.ts";
import type { Pixels } from "../../src/images/pixels.ts";
import { byId, h } from "../explorer/dom.ts";
import { themeSwitch } from "../explorer/theme.ts";
import { fromBase64, loadScript } from "./assets.ts";
import { renderClassifier } from "./classifier-view.ts";
import { decodeImage } from "./decode.ts";
import { engine } from "./engine.ts";
import { chosenImages, droppedFiles, type ImageFile } from "./files.ts";
import { renderGrid } from "./grid-view.ts";
import {
  chosenFiles,
  embeddedFiles,
  encodeImages,
  openModel,
  type PageModel,
  type ReadFile,
  remoteFiles,
} from "./model.ts";
import { type Item, type Page, thumbnail } from "./page.ts";
import { renderRisk } from "./risk-view.ts";

/** More would be slow to show, not to encode. */
const MOST_IMAGES = 1000;

const page: Page = {
  items: [],
  classes: [],
  active: null,
  selected: null,
  shots: "all",
  zDim: 0,
  changed: render,
};

let model: Promise<PageModel> | undefined;
/** Work goes one after the other: what is dropped meanwhile waits. */
let work: Promise<void> = Promise.resolve();

function enqueue(job: () => Promise<void>): Promise<void> {
  work = work.then(job).catch((error: unknown) => say(messageOf(error), true));
  return work;
}

function say(text: string, fault = false): void {
  const status = byId("status");
  status.textContent = text;
  status.className = fault ? "warning" : "";
}

function render(): void {
  const ready = page.items.length > 0 && page.items.every(({ features }) => features !== null);
  for (const id of ["labelling", "classifier", "risk"]) byId(id).hidden = !ready;
  if (!ready) return;
  renderGrid(page);
  void renderClassifier(page);
  renderRisk(page);
}

async function addFiles(files: readonly ImageFile[]): Promise<void> {
  const faults: string[] = [];
  const room = MOST_IMAGES - page.items.length;
  if (files.length > room) faults.push(`${files.length - room} images: this page takes ${MOST_IMAGES} at most`);
  for (const { file, folder } of files.slice(0, Math.max(0, room))) {
    try {
      const { pixels, exact } = await decodeImage(new Uint8Array(await file.arrayBuffer()));
      page.items.push(makeItem(file.name, pixels, exact, folder));
    } catch (error) {
      faults.push(`${file.name}: ${messageOf(error)}`);
    }
  }
  showFaults(faults);
  await encodeNew();
}

function makeItem(name: string, pixels: Pixels, exact: boolean, folder: string): Item {
  return { name, pixels, exact, folder, thumbnail: thumbnail(pixels), features: null, label: -1, guess: null };
}

function showFaults(faults: readonly string[]): void {
  byId("faults").hidden = faults.length === 0;
  byId("faults").replaceChildren(...faults.map((text) => h("li", {}, text)));
}

async function addSamples(): Promise<void> {
  await loadScript("samples.js");
  const { side, pixels, labels, classes } = window.SSL_HUB_SAMPLES!;
  const grey = fromBase64(pixels);
  for (const [i, label] of labels.entries()) {
    const levels = grey.subarray(i * side * side, (i + 1) * side * side);
    const data = Uint8Array.from({ length: levels.length * 3 }, (_, at) => levels[Math.trunc(at / 3)]!);
    page.items.push(makeItem(`digit-${i}`, { data, width: side, height: side }, true, classes[label]!));
  }
  showFaults([]);
  await encodeNew();
}

/** Encodes what has no features yet. */
async function encodeNew(): Promise<void> {
  const todo = page.items.filter(({ features }) => features === null);
  if (todo.length === 0) return render();
  const progress = byId<HTMLProgressElement>("progress");
  Object.assign(progress, { hidden: false, max: todo.length, value: 0 });
  say("Starting the encoder ...");
  try {
    model ??= embeddedFiles().then(openModel);
    const opened = await model;
    page.zDim = opened.info.z_dim;
    const begun = performance.now();
    const images = todo.map(({ pixels }) => pixels);
    const features = await encodeImages(opened, images, (count) => {
      progress.value = count;
      say(`${count} of ${todo.length} images encoded`);
    });
    for (const [i, item] of todo.entries()) item.features = features[i]!;
    const seconds = (performance.now() - begun) / 1000;
    const inexact = page.items.filter(({ exact }) => !exact).length;
    const note = inexact > 0 ? ` ${inexact} were decoded by the browser (JPEG, WebP).` : "";
    const { name } = await engine();
    say(`${page.items.length} images, ${opened.info.z_dim} features each, by ${opened.info.name} on ${name}; ${todo.length} took ${seconds.toFixed(1)} s.${note}`); // biome-ignore format: a line
  } catch (error) {
    model = undefined;
    page.items = page.items.filter(({ features }) => features !== null);
    throw error;
  } finally {
    progress.hidden = true;
    render();
  }
}

/** Another encoder: all features are made anew. When it cannot be opened, the one before stays. */
async function changeModel(read: () => ReadFile | Promise<ReadFile>): Promise<void> {
  say("Loading the encoder ...");
  const opened = await openModel(await read());
  model?.then(({ graph }) => graph.dispose()).catch(() => undefined);
  model = Promise.resolve(opened);
  const { name, license } = opened.info;
  byId("encoder-name").textContent = `${name}, ${license ?? "no licence stated"}`;
  for (const item of page.items) Object.assign(item, { features: null, guess: null });
  say(`${name} is loaded.`);
  await encodeNew();
}

/** Runs `use` on the files of an input and empties it, so that the same files may be chosen again. */
function onFiles(id: string, use: (files: FileList) => Promise<void>): void {
  const input = byId<HTMLInputElement>(id);
  input.addEventListener("change", () => {
    const { files } = input;
    if (files !== null && files.length > 0) void use(files).finally(() => (input.value = ""));
  });
}

onFiles("choose", (files) => {
  const images = chosenImages(files);
  return enqueue(() => addFiles(images));
});
onFiles("choose-folder", (files) => {
  const images = chosenImages(files);
  return enqueue(() => addFiles(images));
});
onFiles("model-folder", (files) => {
  const list = Array.from(files);
  return enqueue(() => changeModel(() => chosenFiles(list)));
});
byId("samples").addEventListener("click", () => void enqueue(addSamples));
byId("embedded").addEventListener("click", () => void enqueue(() => changeModel(embeddedFiles)));
byId("remove").addEventListener("click", () => {
  void enqueue(async () => {
    Object.assign(page, { items: [], classes: [], active: null, selected: null });
    say("");
    showFaults([]);
    render();
  });
});
byId("remote").addEventListener("submit", (event) => {
  event.preventDefault();
  const address = byId<HTMLInputElement>("address").value;
  void enqueue(() => changeModel(() => remoteFiles(address)));
});

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  byId("drop").classList.add("over");
});
document.addEventListener("dragleave", () => byId("drop").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  byId("drop").classList.remove("over");
  if (event.dataTransfer === null) return;
  const files = droppedFiles(event.dataTransfer);
  void enqueue(async () => addFiles(await files));
});
byId("theme").replaceWith(themeSwitch(() => {}));
