/** nabla: tensors, autodiff, jit, devices and errors. Layers, optimisers, data and training live in the subpaths. */
export * from "./engine/autodiff/index.ts";
export {
  deviceNames,
  type MemoryUse,
  memory,
  setDefaultDevice,
  setMemoryLimit,
  setThreads,
} from "./engine/runtime/index.ts";
export { explain } from "./engine/tensor/explain.ts";
export * from "./engine/tensor/index.ts";
export { type JitOptions, type Jitted, jit } from "./engine/tensor/jit.ts";
export { scope } from "./engine/tensor/scope.ts";
export * from "./util/error.ts";
