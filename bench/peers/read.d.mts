import type { ArrayFile } from "../job.ts";

export function bytes(file: ArrayFile): Uint8Array<ArrayBuffer>;
export function floats(file: ArrayFile): Float32Array<ArrayBuffer>;
export function pixels(file: ArrayFile): Float32Array<ArrayBuffer>;
