import vegaEmbed, { type Result, type VisualizationSpec } from "vega-embed";

/** The bundle takes the package as a module, the types take it for CommonJS. */
const embed = vegaEmbed as unknown as typeof vegaEmbed.default;

/** Draws charts for the page. A script of its own, since it is large and the table does not need it. */
export interface Charts {
  /** Draws into the element; `pick` hears of the `name` of a mark that is clicked. */
  draw(host: HTMLElement, spec: VisualizationSpec, pick: (name: string) => void): Promise<void>;
}

declare global {
  interface Window {
    SSL_HUB_CHARTS?: Charts;
  }
}

const drawn = new WeakMap<HTMLElement, Result>();

async function draw(host: HTMLElement, spec: VisualizationSpec, pick: (name: string) => void): Promise<void> {
  drawn.get(host)?.finalize();
  const result = await embed(host, spec, {
    renderer: "svg",
    config: theme(),
    tooltip: { theme: "custom" },
    actions: { export: true, source: false, compiled: false, editor: false },
    downloadFileName: "ssl-hub",
  });
  drawn.set(host, result);
  const menu = host.querySelector("summary");
  menu?.setAttribute("aria-label", "Save this chart");
  menu?.querySelector("svg")?.setAttribute("aria-hidden", "true");
  result.view.addEventListener("click", (_event, item) => {
    const name = (item?.datum as { name?: unknown } | undefined)?.name;
    if (typeof name === "string") pick(name);
  });
}

/** The page's colours, so that a chart follows its theme. */
function theme() {
  const probe = document.body.appendChild(document.createElement("span"));
  // A variable holds the colours of both themes; only where it is used it becomes one.
  const color = (name: string) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const [fg, soft, line] = [color("--fg"), color("--fg-soft"), color("--line")];
  probe.remove();
  return {
    background: "transparent",
    font: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif",
    title: { color: fg },
    axis: {
      labelColor: soft,
      titleColor: fg,
      gridColor: line,
      domainColor: line,
      tickColor: line,
      labelFontSize: 12,
      titleFontSize: 13,
      titleFontWeight: 600,
    },
    axisQuantitative: { tickCount: 8 },
    legend: { labelColor: fg, titleColor: fg, labelFontSize: 12, titleFontSize: 12 },
    text: { color: fg },
    view: { stroke: null },
  } as const;
}

window.SSL_HUB_CHARTS = { draw };
