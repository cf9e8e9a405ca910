/** The native device. */
export { type Availability, cpuAvailable } from "./addon.ts";
export { cpuBackend } from "./backend.ts";
export type { CpuOptions } from "./options.ts";
