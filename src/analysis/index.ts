export { type ComparePage, comparePage } from "./compare-page.ts";
export { type LabelCurveRow, labelCurveFigure } from "./label-curve.ts";
export { renderSvg } from "./render.ts";
export { type RiskRow, riskStack } from "./risk-stack.ts";
