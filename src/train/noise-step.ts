/** The compiled measurement of gradient noise: what the gradients of a batch's two halves say. It changes nothing. */
import { type Jitted, jit, random, stack, type Tensor } from "../engine/tensor/index.ts";
import type { Measured } from "./noise-scale.ts";
import type { TrainState } from "./state.ts";
import { batchGradients, type Parts, type TrainData } from "./steps.ts";

export type NoiseStep = Jitted<(state: TrainState, data: TrainData) => Tensor>;

/** Separates the randomness of layers in a measurement from that of the step. */
const noiseStream = 0x6e73;

/** [g1 . g2, b |g1 - g2|^2 / 2] f32, with g1 and g2 the gradients of the next b rows and of the b after them, b = floor(batchSize / 2). */
export function noiseStep(parts: Parts, batchSize: number): NoiseStep {
  const half = Math.floor(batchSize / 2);
  const step = (state: TrainState, data: TrainData): Tensor => {
    const [first, second] = [0, 1].map((i) => {
      const key = random.foldIn(random.foldIn(state.key, state.step), noiseStream + i);
      const { grads } = batchGradients(parts, state, data, state.cursor.add(i * half), half, key);
      return Object.values(grads);
    }) as [Tensor[], Tensor[]];
    const total = (of: (g1: Tensor, g2: Tensor) => Tensor): Tensor =>
      first.map((g1, i) => of(g1, second[i] as Tensor).sum()).reduce((sum, part) => sum.add(part));
    return stack([total((g1, g2) => g1.mul(g2)), total((g1, g2) => g1.sub(g2).square()).mul(half / 2)]);
  };
  return jit(step, { name: "the noise measurement", matmulPrecision: parts.matmulPrecision });
}

/** Measures at any batch size. */
export class NoiseMeter {
  readonly #steps = new Map<number, NoiseStep>();

  constructor(readonly parts: Parts) {}

  /** With the seconds it took, compilation aside. */
  async measure(
    state: TrainState,
    data: TrainData,
    batchSize: number,
  ): Promise<Measured & { readonly seconds: number }> {
    const step = this.#steps.get(batchSize) ?? noiseStep(this.parts, batchSize);
    this.#steps.set(batchSize, step);
    step.planFor(state, data);
    const start = performance.now();
    const result = step(state, data);
    const [signal, noise] = (await result.data()) as Float32Array;
    result.dispose();
    return { signal: signal as number, noise: noise as number, seconds: (performance.now() - start) / 1000 };
  }
}
