export { eigh } from "./eigh.ts";
export { type InverseRootOptions, inversePthRoot } from "./inverse-root.ts";
export { qr } from "./qr.ts";
