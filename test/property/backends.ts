/** The devices that property tests run on: the reference, and the cpu at its best instruction set. */
import { cpuBackend } from "../../src/engine/backend/cpu/index.ts";
import { referenceBackend } from "../../src/engine/backend/reference/index.ts";
import type { Backend } from "../../src/engine/ir/index.ts";
import { isas } from "../sweep/devices.ts";

export interface Opened {
  readonly name: string;
  readonly open: () => Backend;
}

export function backends(): Opened[] {
  const reference = { name: "reference", open: referenceBackend };
  return isas.length > 0 ? [reference, { name: "cpu", open: () => cpuBackend() }] : [reference];
}
