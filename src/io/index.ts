export { hasCheckpoint, loadCheckpoint, loadManifest, type Manifest, saveCheckpoint } from "./checkpoint.ts";
export {
  ensureFolder,
  ensureRoom,
  ensureWritable,
  FileError,
  fileError,
  readBytes,
  withFile,
  writeFileAtomic,
} from "./files.ts";
export { initFromFile } from "./init-from-file.ts";
export {
  decodeSafetensors,
  encodeSafetensors,
  type SafeDType,
  type SafeTensor,
  type SafeTensors,
} from "./safetensors.ts";
export {
  copyTree,
  loadSafetensors,
  readTree,
  restoreTree,
  saveSafetensors,
  type TensorsByPath,
} from "./tensors.ts";
