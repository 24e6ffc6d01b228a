/** One record of a CSV file and the line it starts on, from 1. */
export interface CsvRecord {
  line: number;
  fields: string[];
}

/**
 * Records of a CSV text by RFC 4180: fields in double quotes may hold commas, line ends and doubled quotes. LF, CRLF and
 * a byte order mark are taken; empty lines are skipped.
 * @throws SyntaxError with the line, for a quote that is not closed or not where it may be.
 */
export function* csvRecords(text: string): Generator<CsvRecord> {
  const token = /("[^"]*(?:""[^"]*)*"|[^",\r\n]*)(,|\r?\n|$)/y;
  token.lastIndex = text.startsWith("\ufeff") ? 1 : 0;
  let line = 1;
  let record: CsvRecord = { line, fields: [] };
  while (token.lastIndex < text.length || record.fields.length > 0) {
    const match = token.exec(text);
    if (match === null)
      throw new SyntaxError(`line ${line}: a quote that is not closed, or not at the ends of its field`);
    const [, raw, end] = match as unknown as [string, string, string];
    record.fields.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw);
    for (let at = raw.indexOf("\n"); at >= 0; at = raw.indexOf("\n", at + 1)) line++;
    if (end === ",") continue;
    if (record.fields.length > 1 || raw !== "") yield record;
    line++;
    record = { line, fields: [] };
  }
}

/**
 * Rows as CSV text by RFC 4180, a header first, without a line end after the last. Missing values are empty, lists are
 * joined by blanks.
 * @param columns in order; default all that a row has.
 */
export function csvText(rows: readonly Readonly<Record<string, unknown>>[], columns?: readonly string[]): string {
  const names = columns ?? [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const field = (value: unknown) => {
    const text = value === null || value === undefined ? "" : Array.isArray(value) ? value.join(" ") : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [names, ...rows.map((row) => names.map((name) => row[name]))]
    .map((line) => line.map(field).join(","))
    .join("\n");
}
