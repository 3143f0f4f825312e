export * from "./mini-program-client.js";
export * as labels from "./generated/labels.js";
export * as texts from "./generated/texts.js";
export { type Label, type Labels, labelOf } from "./label.js";
