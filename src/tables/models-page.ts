import { type CardData, cardData, modelCard } from "./card.ts";

const HEAD = ["model", "encoder", "features", "read at", "input", "error", "licence", "errata"];

/**
 * The page of all models, in Markdown: a table of them, then every model's card. `docs/models.md` is this page.
 */
export function modelsPage(names: readonly string[]): string {
  const rows = names.map((name) => row(cardData(name)));
  const table = [HEAD, HEAD.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  const cards = names.map((name) => {
    const [, , ...lines] = modelCard(name).split("\n");
    return [`### ${name}`, "", "```text", ...lines, "```", ""].join("\n");
  });
  return [
    "# Models",
    "",
    `${names.length} encoders. This page is made from \`metadata.yaml\` by \`npm run cards\`; [metadata.md](metadata.md)`,
    "explains the fields and the errata. The column *error* is the paper's: linear probe on ImageNet-1k, percent.",
    "Licences marked NC are not for commercial use.",
    "",
    ...table,
    "",
    "## Cards",
    "",
    ...cards,
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

function row(card: CardData): string[] {
  const { name, model, representation, data, results, results_of_another, meta, non_commercial } = card;
  const error = results === null ? "" : results.agg_risk.toFixed(1) + (results_of_another ? " (of another)" : "");
  return [
    `[${name}](#${name.toLowerCase()})`,
    model.architecture_exact ?? "",
    String(representation.z_dim),
    representation.z_layer ?? "",
    String(data.img_size),
    error,
    `${meta.license ?? "-"}${non_commercial ? " (NC)" : ""}`,
    meta.errata.map(({ id }) => id).join(" "),
  ];
}
