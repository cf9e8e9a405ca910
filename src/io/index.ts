export { ensureFolder, ensureRoom, ensureWritable, readBytes, writeFileAtomic } from "../files/index.ts";
export { FileError } from "../util/index.ts";
export {
  type CheckpointCopy,
  copyForCheckpoint,
  hasCheckpoint,
  type Keep,
  type Kept,
  loadCheckpoint,
  loadManifest,
  type Manifest,
  saveCheckpoint,
  writeCheckpoint,
} from "./checkpoint.ts";
export { CopySpace } from "./copy-space.ts";
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
export {
  EventWriter,
  type HyperParameter,
  hparamsEnd,
  hparamsExperiment,
  hparamsStart,
  type PngImage,
  type SummaryValue,
} from "./tfevents/index.ts";
