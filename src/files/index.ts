export { fileError, withFile } from "./error.ts";
export { ensureFolder, ensureRoom, ensureWritable, newFolder } from "./folder.ts";
export { LineLog, readLines, startLines } from "./line-log.ts";
export { type Lock, lockFolder } from "./lock.ts";
export { exists, type FileFacts, isMissing, listFolder, lookAt } from "./look.ts";
export { type OpenFile, openFile, readParts } from "./parts.ts";
export { type ReadOptions, readBytes } from "./read.ts";
export { type FileSource, type NamedBytes, readSource } from "./source.ts";
export {
  appendToFile,
  type FileContent,
  type FilePart,
  removeFile,
  removeUnfinished,
  writeFileAtomic,
} from "./write.ts";
