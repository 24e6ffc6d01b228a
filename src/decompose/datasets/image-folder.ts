import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Job } from "../../core/events.ts";
import { type Dataset, dataError, fileIdentity, makeDataset, mapFiles, sortByCodePoint } from "../dataset.ts";

/** torchvision's IMG_EXTENSIONS; compared without case. */
const EXTENSIONS = [".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"];

/** Whether a file name is an image's, by torchvision's list of extensions. */
export function isImageName(name: string): boolean {
  const lower = name.toLowerCase();
  return EXTENSIONS.some((extension) => lower.endsWith(extension));
}

/**
 * A folder with one sub-folder a class, as torchvision's `ImageFolder`: same classes, same images, same order. Images lie
 * at any depth below their class; links are followed, but for a link to a folder that contains it, which torchvision
 * would walk again and again.
 * @param options.split a sub-folder to take instead: `imageFolder("imagenet", { split: "val" })`.
 * @throws HubError `DATA` when there is no folder, no class, or a class without an image (as torchvision).
 */
export async function imageFolder(dir: string, options: { split?: string } & Job = {}): Promise<Dataset> {
  const { split, signal } = options;
  const root = resolve(dir, split ?? ".");
  const classes = await listClasses(root);
  const samples: { id: string; label: number }[] = [];
  for (const [label, name] of classes.entries()) {
    const ids = await listImages(root, name, signal);
    if (ids.length === 0) {
      throw dataError(
        `${root}: class ${name} has no image`,
        `Remove the folder, or add files with ${EXTENSIONS.join(" ")}`,
      );
    }
    for (const id of ids) samples.push({ id, label });
  }
  const path = (id: string) => join(root, id);
  const identities = await mapFiles(samples, ({ id }) => fileIdentity(path(id)), signal);
  return makeDataset({
    name: basename(root),
    classes,
    labels: Int32Array.from(samples, ({ label }) => label),
    entries: samples.map(({ id }, i) => ({ id, ...identities[i]! })),
    read: (i) => path(samples[i]!.id),
  });
}

async function listClasses(root: string): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(root);
  } catch (cause) {
    throw dataError(root, "Give a folder with one sub-folder of images a class", cause);
  }
  const folders = await mapFiles(names, async (name) => (await isFolder(join(root, name))) && name);
  const classes = folders.filter((name) => name !== false);
  if (classes.length === 0) throw dataError(`${root}: it has no sub-folder`, "Put the images of each class in one");
  return sortByCodePoint(classes, (name) => name);
}

/** Paths relative to `root`, with `/`, in the order of Python's `sorted(os.walk(..., followlinks=True))`. */
async function listImages(root: string, className: string, signal?: AbortSignal): Promise<string[]> {
  const folders: { id: string; files: string[] }[] = [];
  const walk = async (id: string, parents: readonly string[]): Promise<void> => {
    signal?.throwIfAborted();
    const real = await realpath(join(root, id));
    if (parents.includes(real)) return;
    const entries = await readdir(join(root, id), { withFileTypes: true });
    const files: string[] = [];
    folders.push({ id, files });
    for (const entry of entries) {
      const child = `${id}/${entry.name}`;
      const folder = entry.isSymbolicLink() ? await isFolder(join(root, child)) : entry.isDirectory();
      if (folder) await walk(child, [...parents, real]);
      else if (isImageName(entry.name)) files.push(entry.name);
    }
  };
  await walk(className, [await realpath(root)]);
  return sortByCodePoint(folders, ({ id }) => id).flatMap(({ id, files }) =>
    sortByCodePoint(files, (file) => file).map((file) => `${id}/${file}`),
  );
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
