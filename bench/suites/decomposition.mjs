export { decompose as default } from "./probe.mjs";
