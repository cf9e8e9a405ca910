/** The devices of this machine: the reference, and the cpu at each instruction set it has. */
import { cpuAvailable, cpuBackend } from "../../src/engine/backend/cpu/index.ts";
import { referenceBackend } from "../../src/engine/backend/reference/index.ts";
import type { Backend } from "../../src/engine/ir/index.ts";
import { ConfigError } from "../../src/util/index.ts";

export interface TestDevice {
  readonly name: string;
  readonly backend: Backend;
}

const known = ["sse2", "avx2", "avx512", "neon"];

/** Instruction sets that give the same bits as each other. */
export const fused: readonly string[] = ["avx2", "avx512", "neon"];

/** The addon may be missing where there is no compiler; on CI it must be there. */
function addonLoads(): boolean {
  const state = cpuAvailable();
  if (!state.ok && process.env.CI) throw new Error(`the addon must load on CI: ${state.cause}`);
  return state.ok;
}

/** Instruction sets of this machine. */
export const isas: readonly string[] = addonLoads()
  ? known.filter((isa) => {
      try {
        cpuBackend({ isa, threads: 1 });
        return true;
      } catch (error) {
        if (error instanceof ConfigError) return false;
        throw error;
      }
    })
  : [];

export const testDevices = (): TestDevice[] => [
  { name: "reference", backend: referenceBackend() },
  ...isas.map((isa) => ({ name: isa, backend: cpuBackend({ isa, threads: 2 }) })),
];
