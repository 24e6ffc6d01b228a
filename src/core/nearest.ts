/**
 * The `n` names closest to what was typed, nearest first: by the number of letters to insert, delete, replace or swap,
 * where a name that contains the typed text counts as near. Case does not matter.
 */
export function nearest(typed: string, names: readonly string[], n = 3): string[] {
  const query = typed.toLowerCase();
  const scored = names.map((name) => {
    const candidate = name.toLowerCase();
    const contained = query.length > 2 && candidate.includes(query);
    return { name, score: contained ? 1 - 1 / candidate.length : distance(query, candidate) };
  });
  return scored
    .toSorted((a, b) => a.score - b.score)
    .slice(0, n)
    .map(({ name }) => name);
}

/** Damerau-Levenshtein distance, in its form of optimal string alignment. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replace, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j]!, beforeLast[j - 2]! + 1);
      }
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
