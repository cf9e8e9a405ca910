export { type Availability, cpuAvailable } from "../backend/cpu/index.ts";
export { Compiled, compiled, type PlanTiming, type Program, type StepTiming } from "./compiled.ts";
export { isTracing, noteDebt, withoutDebt } from "./debt.ts";
export {
  type Device,
  type DeviceName,
  defaultDevice,
  deviceNames,
  getDevice,
  openDevices,
  setDefaultDevice,
  setThreads,
} from "./device.ts";
export { type MemoryUse, memory } from "./memory.ts";
export { deviceOf, readNode, realize, realizeAsync } from "./realize.ts";
export { withScope } from "./scope.ts";
export {
  allocate,
  formatBytes,
  Storage,
  setMemoryLimit,
  storageFromBytes,
  storageOf,
  storageOnBytes,
} from "./storage.ts";
