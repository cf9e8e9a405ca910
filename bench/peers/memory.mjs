/** This process' memory as Linux counts it, in MB. */
import { readFileSync, writeFileSync } from "node:fs";

const field = (name) =>
  Number(readFileSync("/proc/self/status", "utf8").match(`${name}:\\s+(\\d+)`)[1]) / 1000;

export const resident = () => field("VmRSS");
export const peak = () => field("VmHWM");

/** Collects garbage (node --expose-gc) and lets the peak begin again here; gives what is resident. */
export function startPeak() {
  globalThis.gc();
  writeFileSync("/proc/self/clear_refs", "5");
  return resident();
}
