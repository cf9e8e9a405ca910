export { ensureFolder, ensureRoom, ensureWritable, readBytes, writeFileAtomic } from "../files/index.ts";
export { FileError } from "../util/index.ts";
export {
  hasCheckpoint,
  type Kept,
  keptCheckpoints,
  loadCheckpoint,
  loadManifest,
  type Manifest,
} from "./checkpoint.ts";
export { CheckpointWriter, type Saving, saveCheckpoint } from "./checkpoint-writer.ts";
export { initFromFile, modelTensors } from "./init-from-file.ts";
export type { Keep } from "./put-checkpoint.ts";
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
