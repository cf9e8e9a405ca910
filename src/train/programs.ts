/** The compiled training steps of a Trainer, one for each size of batch, and the clock that is on all of them. */
import type { PlanTiming } from "../engine/tensor/index.ts";
import { type Parts, type TrainStep, trainStep } from "./steps.ts";

export class Programs {
  readonly #steps = new Map<number, TrainStep>();
  #timed = false;

  /** Compiled at its first call. */
  step(parts: Parts, batchSize: number): TrainStep {
    let step = this.#steps.get(batchSize);
    if (!step) {
      step = trainStep(parts, batchSize);
      if (this.#timed) step.time(true);
      this.#steps.set(batchSize, step);
    }
    return step;
  }

  /** The model, or what is done to batches, is another: so are its steps. */
  clear(): void {
    this.#steps.clear();
  }

  time(on: boolean): void {
    this.#timed = on;
    for (const step of this.#steps.values()) step.time(on);
  }

  timings(): PlanTiming[] {
    return [...this.#steps.values()].flatMap((step) => step.timings());
  }

  explain(): string[] {
    return [...this.#steps.values()].flatMap((step) => step.explanations());
  }
}
