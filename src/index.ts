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
export * from "./engine/tensor/index.ts";
export * from "./util/error.ts";
