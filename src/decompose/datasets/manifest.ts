import { readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, resolve } from "node:path";
import { csvRecords } from "../../core/csv.ts";
import { messageOf } from "../../core/errors.ts";
import type { Job } from "../../core/events.ts";
import {
  classesOf,
  type Dataset,
  dataError,
  fileIdentity,
  makeDataset,
  mapFiles,
  refuseDuplicates,
} from "../dataset.ts";

interface Row {
  line: number;
  path: string;
  label: string;
}

/** Larger than a manifest of ten million images; the file is held as one text. */
const MAX_BYTES = 500_000_000;

/**
 * Images and labels listed in a file: CSV with a header row, or JSONL with an object a line; `path` and `label` are
 * needed, other columns are ignored. Labels are names (a number counts as its text). Paths are relative to the manifest's
 * folder; absolute paths and `..` are taken as written, so use manifests only from people you trust to name your files.
 * @param options.classes the classes in their order; by default the labels that occur, sorted.
 * @throws HubError `DATA` with the line number for a malformed line, unknown label or image named twice.
 */
export async function manifest(file: string, options: { classes?: readonly string[] } & Job = {}): Promise<Dataset> {
  const rows = await readRows(file);
  const where = (i: number) => `${file}, line ${rows[i]!.line}`;
  if (rows.length === 0) throw dataError(`${file}: it lists no image`, "Write one line an image, after the header row");
  const path = ({ path }: Row) => resolve(dirname(file), path);
  refuseDuplicates(rows.map(path), where);
  const { classes, labels } = classesOf(
    rows.map(({ label }) => label),
    where,
    options.classes,
  );
  const identities = await mapFiles(rows, (row) => fileIdentity(path(row)), options.signal);
  return makeDataset({
    name: basename(file),
    classes,
    labels,
    entries: rows.map((row, i) => ({ id: row.path, ...identities[i]! })),
    read: (i) => path(rows[i]!),
  });
}

async function readRows(file: string): Promise<Row[]> {
  const parse = { ".csv": csvRows, ".jsonl": jsonlRows }[extname(file).toLowerCase()];
  if (parse === undefined) throw new TypeError(`manifest takes a .csv or .jsonl file, got ${file}`);
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES) throw new SyntaxError(`${size} bytes, the limit is ${MAX_BYTES}`);
    return parse(new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file)));
  } catch (cause) {
    throw dataError(file, "Need path,label in UTF-8: CSV with a header row, or one JSON object a line", cause);
  }
}

function csvRows(text: string): Row[] {
  const records = csvRecords(text);
  const header = records.next().value as { fields: string[] } | undefined;
  const names = header?.fields.map((name) => name.trim()) ?? [];
  const [path, label] = ["path", "label"].map((name) => names.indexOf(name)) as [number, number];
  if (path < 0 || label < 0) throw new SyntaxError(`line 1: no column ${path < 0 ? "path" : "label"}`);
  return Array.from(records, ({ line, fields }) => {
    if (fields.length !== names.length) {
      throw new SyntaxError(`line ${line}: ${fields.length} fields, the header has ${names.length}`);
    }
    return checkedRow(line, fields[path], fields[label]);
  });
}

function jsonlRows(text: string): Row[] {
  return text.split("\n").flatMap((content, i) => {
    if (content.trim() === "") return [];
    let value: { path?: unknown; label?: unknown } | null;
    try {
      value = JSON.parse(content);
    } catch (cause) {
      throw new SyntaxError(`line ${i + 1}: ${messageOf(cause)}`);
    }
    return [checkedRow(i + 1, value?.path, value?.label)];
  });
}

function checkedRow(line: number, path: unknown, label: unknown): Row {
  const name = typeof label === "number" ? String(label) : label;
  if (typeof path !== "string" || path === "") throw new SyntaxError(`line ${line}: path is missing`);
  if (path.includes("\0") || /^[a-z][a-z0-9+.-]+:\/\//i.test(path)) {
    throw new SyntaxError(`line ${line}: ${JSON.stringify(path)} is not the path of a local file`);
  }
  if (typeof name !== "string" || name === "") throw new SyntaxError(`line ${line}: label is missing`);
  return { line, path, label: name };
}
