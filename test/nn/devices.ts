/** The devices that these tests run on. */
import { cpuAvailable } from "../../src/engine/backend/cpu/index.ts";

const state = cpuAvailable();
// Where there is no compiler there is no addon; on CI it must be there.
if (!state.ok && process.env.CI) throw new Error(`the addon must load on CI: ${state.cause}`);

export const devices: readonly ("reference" | "cpu")[] = state.ok ? ["reference", "cpu"] : ["reference"];
