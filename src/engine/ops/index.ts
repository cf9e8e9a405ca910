/** The table of primitives: inference, derivatives, f64 meaning. */
export * from "./backward.ts";
export * from "./build.ts";
export * from "./builder.ts";
export * from "./evaluate/index.ts";
export * from "./graph.ts";
export * from "./infer/index.ts";
export * from "./make.ts";
export * from "./number.ts";
export * from "./philox.ts";
export * from "./scalar.ts";
export * from "./special.ts";
export * from "./table.ts";
export * from "./vjp/index.ts";
