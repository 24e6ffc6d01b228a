import { join } from "node:path";
import { sha256 } from "../core/hash.ts";
import type { CacheDirs } from "./dirs.ts";

/** Where the cache keeps what a URL gives. */
export interface Place {
  /** 8 hex digits of the URL. */
  key: string;
  /** The file's name, safe on any file system. */
  name: string;
  path: string;
  sidecar: string;
}

export function placeOf(dirs: CacheDirs, url: string): Place {
  const key = sha256(url).slice(0, 8);
  const name = fileNameOf(url);
  const path = join(dirs.checkpoints, `${key}-${name}`);
  return { key, name, path, sidecar: `${path}.json` };
}

/** The last part of the path; a Google Drive URL has none, so its file is called after its id. */
export function fileNameOf(url: string): string {
  const parsed = new URL(url);
  const id = driveId(parsed);
  const last = parsed.pathname.split("/").findLast((part) => part !== "") ?? "";
  const name = id === undefined ? decode(last) : `gdrive-${id}`;
  return (
    name
      .replace(/[^\w.-]/g, "_")
      .replace(/^\.+/, "")
      .slice(-100) || "file"
  );
}

/**
 * The URL that answers with the file: Google Drive's and Dropbox's sharing forms answer with a page about it.
 * Other URLs are given back as they are.
 */
export function directUrl(url: string): string {
  const parsed = new URL(url);
  const id = driveId(parsed);
  if (id !== undefined) {
    const direct = new URL("https://drive.google.com/uc?export=download&confirm=t");
    direct.searchParams.set("id", id);
    const resourceKey = parsed.searchParams.get("resourcekey");
    if (resourceKey !== null) direct.searchParams.set("resourcekey", resourceKey);
    return direct.href;
  }
  if (/(^|\.)dropbox\.com$/.test(parsed.hostname)) {
    parsed.searchParams.set("dl", "1");
    return parsed.href;
  }
  return url;
}

/** Whether a host is Google's file service, whose answer may be a page to confirm. */
export const isDriveHost = (host: string): boolean => /^drive\.(usercontent\.)?google\.com$/.test(host);

/**
 * Where the download button of Google Drive's "cannot scan this file for viruses" page leads: the form's action with
 * its hidden fields, or the link of older pages. Undefined when the page is another one, or leads away from Google.
 */
export function driveConfirmation(html: string, page: URL): string | undefined {
  const form = /<form\b[^>]*\bid="download-form"[^>]*>/i.exec(html);
  const link = /href="(\/uc\?[^"]*\bconfirm=[^"]*)"/i.exec(html)?.[1];
  let target: URL | undefined;
  if (form !== null) {
    const action = attribute(form[0], "action");
    if (action === undefined || !URL.canParse(action, page)) return undefined;
    target = new URL(action, page);
    for (const [input] of html.slice(form.index).matchAll(/<input\b[^>]*>/gi)) {
      const name = attribute(input, "name");
      if (name !== undefined) target.searchParams.set(name, attribute(input, "value") ?? "");
    }
  } else if (link !== undefined) target = new URL(unescapeHtml(link), page);
  return target?.protocol === "https:" && isDriveHost(target.hostname) ? target.href : undefined;
}

const driveId = (url: URL): string | undefined => {
  if (!isDriveHost(url.hostname)) return undefined;
  const id = url.searchParams.get("id") ?? /\/file\/(?:u\/\d+\/)?d\/([^/]+)/.exec(url.pathname)?.[1];
  return id !== undefined && /^[\w-]+$/.test(id) ? id : undefined;
};

const attribute = (tag: string, name: string): string | undefined => {
  const found = new RegExp(`\\s${name}="([^"]*)"`, "i").exec(tag)?.[1];
  return found === undefined ? undefined : unescapeHtml(found);
};

const unescapeHtml = (text: string) =>
  text
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
