/** The devices that property tests run on. */
import { cpuAvailable, cpuBackend } from "../../src/engine/backend/cpu/index.ts";
import { referenceBackend } from "../../src/engine/backend/reference/index.ts";
import type { Backend } from "../../src/engine/ir/index.ts";

export interface Opened {
  readonly name: string;
  readonly open: () => Backend;
}

/** The addon may be missing where there is no compiler; on CI it must be there. */
export function backends(): Opened[] {
  const reference = { name: "reference", open: referenceBackend };
  const state = cpuAvailable();
  if (!state.ok && process.env.CI) throw new Error(`the addon must load on CI: ${state.cause}`);
  return state.ok ? [reference, { name: "cpu", open: () => cpuBackend() }] : [reference];
}
