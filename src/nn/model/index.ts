export { flops } from "./flops.ts";
export { freeze, unfreeze } from "./freeze.ts";
export { type InitFromOptions, type InitReport, initFrom } from "./init-from.ts";
export { withLayerOutput } from "./layer-output.ts";
export { type LayerOf, type ObserveOptions, withLayers } from "./observe.ts";
export { type Summary, type SummaryRow, summary } from "./summary.ts";
export { insertAfter, insertBefore, remove, replace } from "./surgery.ts";
export { type Tap, tapLayers } from "./tap.ts";
export type { Work } from "./work.ts";
