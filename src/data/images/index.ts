export type { SkippedImage } from "./decode-all.ts";
export { type Images, imageFiles } from "./image-files.ts";
export { type ImageFolder, type ImageFolderOptions, imageFolder } from "./image-folder.ts";
export type { ImageOptions } from "./options.ts";
export type { ProgressOfImages } from "./progress.ts";
