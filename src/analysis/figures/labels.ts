import type { Datum } from "./figure.ts";

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Pixels of a letter at font size 10, and of half a line. */
const LETTER = 5.7;
const HALF_LINE = 6;

/** Where a label may stand beside its point: side, pixels up. */
const PLACES: [side: "left" | "right", up: number][] = [0, 9, -9, 18, -18, 27, -27].flatMap((up) => [
  ["left", up],
  ["right", up],
]);

const overlap = (a: Box, b: Box): number =>
  Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) *
  Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));

/**
 * Rows with a place for their label that overlaps neither points nor labels before it, as far as there is one: `label_x`,
 * `label_y` in the units of the axes, and `label_align`.
 * @param domains ends of the axes; `size` pixels of the view.
 */
export function placeLabels(
  rows: readonly Datum[],
  fields: { x: string; y: string; text: string },
  domains: { x: readonly [number, number]; y: readonly [number, number] },
  size: { width: number; height: number },
): Datum[] {
  const unit = { x: (domains.x[1] - domains.x[0]) / size.width, y: (domains.y[1] - domains.y[0]) / size.height };
  const pixel = (row: Datum) => ({
    x: (Number(row[fields.x]) - domains.x[0]) / unit.x,
    y: size.height - (Number(row[fields.y]) - domains.y[0]) / unit.y,
  });
  const taken = rows.map((row): Box => {
    const { x, y } = pixel(row);
    return { left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 };
  });
  return rows.map((row) => {
    const { x, y } = pixel(row);
    const width = LETTER * String(row[fields.text]).length;
    const candidates = PLACES.map(([align, up]) => {
      const start = align === "left" ? x + 8 : x - 8 - width;
      const box = { left: start, right: start + width, top: y - up - HALF_LINE, bottom: y - up + HALF_LINE };
      const outside = Math.max(0, -box.left) + Math.max(0, box.right - size.width - 60) + Math.max(0, -box.top) + Math.max(0, box.bottom - size.height); // biome-ignore format: one line
      return { align, up, box, cost: taken.reduce((sum, other) => sum + overlap(box, other), 100 * outside) };
    });
    const best = candidates.reduce((a, b) => (b.cost < a.cost ? b : a));
    taken.push(best.box);
    const edge = best.align === "left" ? 8 : -8;
    return { ...row, label_align: best.align, label_x: domains.x[0] + unit.x * (x + edge), label_y: domains.y[0] + unit.y * (size.height - y + best.up) }; // biome-ignore format: one line
  });
}

/** Ends that hold all values of a column with some room. */
export function endsOf(rows: readonly Datum[], field: string): [number, number] {
  const numbers = rows.map((row) => row[field]).filter((value) => typeof value === "number");
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const room = 0.06 * (high - low || 1);
  return [low - room, high + room];
}
