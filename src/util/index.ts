export * from "./caller.ts";
export * from "./error.ts";
export * from "./glob.ts";
export * from "./package.ts";
export * from "./philox.ts";
export * from "./shape.ts";
export * from "./tree.ts";
