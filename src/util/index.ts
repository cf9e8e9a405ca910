export * from "./error.ts";
export * from "./shape.ts";
export * from "./tree.ts";
