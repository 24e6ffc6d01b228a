import type { TensorSource } from "./source.ts";

interface Branch {
  children: Map<string, Branch>;
  /** Tensors in and under it. */
  count: number;
  /** Of the tensor of this very name. */
  shape?: readonly number[];
}

const MAX_PART = 60;
/** Names of more parts are cut: a tree is to be read. */
const MAX_PARTS = 12;

/**
 * The tree of a file's names, for a reader: at most `lines` lines, opened from the top where there is room. Numbered
 * siblings of one form (`blocks.0` to `blocks.11`) are one line.
 */
export function keyTree(source: Pick<TensorSource, "names" | "meta">, lines = 40): string {
  const root: Branch = { children: new Map(), count: 0 };
  for (const name of source.names()) insert(root, name, source.meta(name).shape);
  const open = new Set<Branch>([root]);
  let budget = lines - groupsOf(root).length;
  // The largest closed branch that still fits is opened next.
  for (let level: Branch[] = [root]; level.length > 0; ) {
    const next = level
      .flatMap((branch) => groupsOf(branch).map(([, child]) => child))
      .filter(({ children }) => children.size > 0)
      .sort((a, b) => a.children.size - b.children.size);
    level = [];
    for (const branch of next) {
      const cost = groupsOf(branch).length;
      if (cost > budget) continue;
      budget -= cost;
      open.add(branch);
      level.push(branch);
    }
  }
  return render(root, open, "", lines).join("\n");
}

function insert(root: Branch, name: string, shape: readonly number[]): void {
  const all = name.split(".");
  const parts = all.length > MAX_PARTS ? [...all.slice(0, MAX_PARTS - 1), all.slice(MAX_PARTS - 1).join(".")] : all;
  let at = root;
  root.count++;
  for (const part of parts) {
    let child = at.children.get(part);
    if (child === undefined) {
      child = { children: new Map(), count: 0 };
      at.children.set(part, child);
    }
    child.count++;
    at = child;
  }
  at.shape = shape;
}

/** Children by label; a run of numbers whose branches look alike is one group, shown by its first. */
function groupsOf({ children }: Branch): [label: string, shown: Branch, total: number][] {
  const groups: { label: string; last?: string; form?: string; shown: Branch; total: number }[] = [];
  for (const [part, child] of children) {
    const form = /^\d+$/.test(part) && child.children.size > 0 ? formOf(child) : undefined;
    const before = groups.at(-1);
    if (form !== undefined && before?.form === form) {
      before.last = part;
      before.total += child.count;
    } else groups.push({ label: part, form, shown: child, total: child.count });
  }
  return groups.map(({ label, last, shown, total }) => [
    last === undefined ? label : `${label}..${last}`,
    shown,
    total,
  ]);
}

const formOf = (branch: Branch): string => `${branch.count} ${[...branch.children.keys()].slice(0, 20).join()}`;

function render(branch: Branch, open: ReadonlySet<Branch>, indent: string, limit: number): string[] {
  const groups = groupsOf(branch);
  const lines: string[] = [];
  for (const [i, [label, child, total]] of groups.entries()) {
    if (lines.length >= limit) {
      lines[lines.length - 1] = `${indent}... ${groups.length - i + 1} more`;
      break;
    }
    const isLeaf = child.children.size === 0;
    const what = isLeaf ? ` [${child.shape?.join(", ")}]` : ` (${total} ${total === 1 ? "tensor" : "tensors"})`;
    lines.push(`${indent}${printable(label)}${isLeaf ? "" : "."}${what}`);
    if (open.has(child)) lines.push(...render(child, open, `${indent}  `, limit - lines.length));
  }
  return lines;
}

/** Names come from the file: no control characters, no endless ones. */
const printable = (text: string): string => {
  const clean = text.replace(/\p{C}/gu, "?");
  return clean.length > MAX_PART ? `${clean.slice(0, MAX_PART)}...` : clean;
};
