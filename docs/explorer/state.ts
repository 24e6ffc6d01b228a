export const VIEWS = {
  table: "Table",
  scatter: "Scatter",
  risk: "Risk",
  labels: "Few labels",
  compare: "Compare",
} as const;

export type View = keyof typeof VIEWS;

/** Columns that have a drop-down of their own. */
export const FACETS = ["objective", "ssl_mode", "architecture", "pretraining_data", "commercial"] as const;

/** All that the page shows. It lives in the URL's fragment, so a link or a bookmark shows the same. */
export interface State {
  view: View;
  /** Words that must occur in name, objective, encoder or data; with `*` or `?` a pattern for the name. */
  q: string;
  /** Conditions as of `ssl-hub list --where`, separated by spaces. */
  where: string;
  facets: Partial<Record<(typeof FACETS)[number], string>>;
  /** Only models the paper has measured. */
  measured: boolean;
  /** Leaves out rows whose measurements belong to another model than the name says. */
  own: boolean;
  /** Column to sort by; a leading `-` means largest first. */
  sort: string;
  columns: string[];
  x: string;
  y: string;
  color: string;
  logX: boolean;
  logY: boolean;
  /** Bars of the risk view; 0 is all. */
  top: number;
  /** Models to compare. */
  pick: string[];
  /** Whose card is open. */
  model: string | null;
  /** The comparison shows only rows in which models differ. */
  differ: boolean;
}

export const DEFAULTS: Readonly<State> = {
  view: "table",
  q: "",
  where: "",
  facets: {},
  measured: false,
  own: false,
  sort: "train_test",
  columns: [
    "objective",
    "architecture_exact",
    "z_dim",
    "n_parameters",
    "train_test",
    "approx",
    "usability",
    "probe_gen",
    "enc_gen",
    "train-nperclass-5_test",
    "year",
    "license",
  ],
  x: "probe_gen",
  y: "usability",
  color: "ssl_mode",
  logX: false,
  logY: false,
  top: 25,
  pick: [],
  model: null,
  differ: true,
};

const FLAGS = ["measured", "own", "logX", "logY", "differ"] as const;
const TEXTS = ["q", "where", "sort", "x", "y", "color"] as const;
const LISTS = ["columns", "pick"] as const;

/** The state as a fragment; what is as by default is left out. */
export function toHash(state: State): string {
  const out = new URLSearchParams();
  out.set("view", state.view);
  for (const key of TEXTS) if (state[key] !== DEFAULTS[key]) out.set(key, state[key]);
  for (const key of LISTS) if (state[key].join() !== DEFAULTS[key].join()) out.set(key, state[key].join());
  for (const key of FLAGS) if (state[key] !== DEFAULTS[key]) out.set(key, state[key] ? "1" : "0");
  for (const [column, value] of Object.entries(state.facets)) if (value) out.set(column, value);
  if (state.top !== DEFAULTS.top) out.set("top", String(state.top));
  if (state.model !== null) out.set("model", state.model);
  return `#${out.toString().replaceAll("%2C", ",")}`;
}

/** The state a fragment tells of. Names that the page does not have are passed over: an old link still opens. */
export function fromHash(hash: string, known: { columns: ReadonlySet<string>; names: ReadonlySet<string> }): State {
  const found = new URLSearchParams(hash.replace(/^#/, ""));
  const state: State = { ...DEFAULTS, facets: {} };
  const view = found.get("view");
  if (view !== null && Object.hasOwn(VIEWS, view)) state.view = view as View;
  for (const key of TEXTS) state[key] = found.get(key) ?? DEFAULTS[key];
  for (const key of ["x", "y", "color"] as const) if (!known.columns.has(state[key])) state[key] = DEFAULTS[key];
  if (!known.columns.has(state.sort.replace(/^-/, ""))) state.sort = DEFAULTS.sort;
  const list = (key: string) => found.get(key)?.split(",").filter(Boolean);
  state.columns = list("columns")?.filter((name) => known.columns.has(name)) ?? DEFAULTS.columns;
  state.pick = [...new Set(list("pick")?.filter((name) => known.names.has(name)) ?? [])];
  for (const key of FLAGS) if (found.has(key)) state[key] = found.get(key) === "1";
  for (const column of FACETS) if (found.get(column)) state.facets[column] = found.get(column)!;
  const top = Number(found.get("top") ?? DEFAULTS.top);
  if (Number.isInteger(top) && top >= 0) state.top = top;
  const model = found.get("model");
  if (model !== null && known.names.has(model)) state.model = model;
  return state;
}
