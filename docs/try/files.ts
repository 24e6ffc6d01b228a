/** An image file that was dropped or chosen, and the folder it came from ("" when there was none). */
export interface ImageFile {
  file: File;
  folder: string;
}

/** Files of a drop, those in dropped folders too. */
export async function droppedFiles(transfer: DataTransfer): Promise<ImageFile[]> {
  // The list is only there until the handler first waits.
  const items = Array.from(transfer.items, (item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const found: ImageFile[] = [];
  for (const { entry, file } of items) {
    if (entry !== null) await walk(entry, "", found);
    // What another program hands over is no entry of a folder.
    else if (file !== null) found.push({ file, folder: "" });
  }
  return found;
}

async function walk(entry: FileSystemEntry, folder: string, found: ImageFile[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail));
    if (!file.name.startsWith(".")) found.push({ file, folder });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A call gives at most a hundred.
    const some = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
    if (some.length === 0) return;
    for (const one of some) await walk(one, entry.name, found);
  }
}

/** Files of an `<input type=file>`, of a folder where it chooses one. */
export function chosenImages(list: FileList): ImageFile[] {
  return Array.from(list)
    .filter(({ name }) => !name.startsWith("."))
    .map((file) => ({ file, folder: file.webkitRelativePath.split("/").at(-2) ?? "" }));
}
