/** Metrics of whole arrays on the host, in f64: for what has several numbers, or must not be in buckets. */
export type { Numbers } from "./arrays.ts";
export { type ClassScores, classScores, confusionMatrix } from "./confusion.ts";
export { prAuc, rocAuc } from "./curves.ts";
