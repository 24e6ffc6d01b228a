/** Components of the risk, in the paper's order. */
export const COMPONENTS = ["approx", "usability", "probe_gen", "enc_gen"] as const;

/** Label budgets: short name -> column of the table. */
export const BUDGETS = {
  full: "train_test",
  shot30: "train-nperclass-30_test",
  pct1: "train-balsbst-ntrain0.01_test",
  shot5: "train-nperclass-5_test",
  shot3: "train-nperclass-3_test",
} as const;

/** Components, then errors by budget: the columns of the results table that are errors, in percent. */
export const ERRORS: readonly string[] = [...COMPONENTS, ...Object.values(BUDGETS)];
