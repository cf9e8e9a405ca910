export function values(count: number, seed: number, low?: number, high?: number): Float32Array<ArrayBuffer>;
export function digest(result: ArrayLike<number>): number[];
export function timed(work: () => unknown): Promise<number>;
