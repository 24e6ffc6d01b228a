/** Labels renumbered to the classes that occur, and those classes, ascending. */
export function presentClasses(labels: Int32Array): { y: Int32Array; present: Int32Array } {
  const present = Int32Array.from(new Set(labels)).sort();
  const place = new Map(Array.from(present, (label, c) => [label, c]));
  return { y: labels.map((label) => place.get(label)!), present };
}
