export * from "./aval.ts";
export * from "./backend.ts";
export * from "./dtype.ts";
export * from "./fused.ts";
export * from "./node.ts";
export * from "./plan.ts";
export * from "./scope.ts";
export * from "./verify.ts";
