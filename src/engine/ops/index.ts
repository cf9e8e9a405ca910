/** The table of primitives: inference, derivatives, f64 meaning. */
export * from "./build.ts";
export * from "./builder.ts";
export * from "./infer/index.ts";
export * from "./make.ts";
export * from "./philox.ts";
export * from "./scalar.ts";
export * from "./special.ts";
