export { renderSvg } from "./render.ts";
export { type RiskRow, riskStack } from "./risk-stack.ts";
