/** Measures and runs a model over data on the device, in batches as large as memory likes. */

import { gatherRows, type Rows, rowsShape } from "../data/index.ts";
import { bytesPerElement } from "../engine/ir/index.ts";
import { Tensor, tensor } from "../engine/tensor/index.ts";
import type { Metric } from "../metrics/index.ts";
import { predict, predictRows } from "../nn/index.ts";
import { sizeOf } from "../util/index.ts";
import { Chunks } from "./chunks.ts";
import type { Scores } from "./events.ts";
import { freshMetrics, type MetricStates, type Params, type Values } from "./state.ts";
import { type EvaluateStep, evaluateStep, type Parts, readStep } from "./steps.ts";

/** Data on the device. */
export interface Placed {
  readonly x: Rows;
  readonly y: Tensor;
}

/** Rows of `x` that make about 4 MB, at most 1,024: enough to fill the kernels, little enough for the activations. */
export function evaluationBatch(x: Rows): number {
  const [rows = 1, ...shape] = rowsShape(x);
  // As the model sees them: bytes that stand for numbers are gathered as f32.
  const bytes = sizeOf(shape) * bytesPerElement[x instanceof Tensor ? x.dtype : "f32"];
  return Math.max(1, Math.min(1024, rows, Math.floor(2 ** 22 / Math.max(bytes, 1))));
}

export class Evaluator {
  readonly #parts: Omit<Parts, "optimizer">;
  readonly #device: string;
  readonly #steps = new Map<number, EvaluateStep>();
  readonly #read: ReturnType<typeof readStep>;

  constructor(parts: Omit<Parts, "optimizer">, device: string) {
    this.#parts = parts;
    this.#device = device;
    this.#read = readStep(parts.metrics);
  }

  #step(batchSize: number): EvaluateStep {
    let step = this.#steps.get(batchSize);
    if (!step) {
      step = evaluateStep(this.#parts, batchSize);
      this.#steps.set(batchSize, step);
    }
    return step;
  }

  /** The averages the metric states stand at. */
  async read(states: MetricStates): Promise<Scores> {
    const values = this.#read(states);
    const numbers = await values.data();
    values.dispose();
    const entries = this.#parts.metrics.map((metric: Metric, index) => [
      metric.name,
      numbers[index] as number,
    ]);
    return Object.fromEntries(entries) as Scores;
  }

  /** Averages over all rows, each once, as after so many steps. */
  async scores({ params, buffers }: Values, steps: number, data: Placed): Promise<Scores> {
    const rows = rowsShape(data.x)[0] as number;
    const batchSize = evaluationBatch(data.x);
    const chunks = new Chunks();
    let state = {
      metrics: freshMetrics(this.#parts.metrics, this.#device),
      cursor: tensor(0, { dtype: "i32", device: this.#device }),
    };
    const step = tensor(steps, { dtype: "i32", device: this.#device });
    const input = { params, buffers, step, x: data.x, y: data.y };
    const full = Math.floor(rows / batchSize);
    for (let done = 0; done < full; ) {
      const count = chunks.next(full - done);
      const start = performance.now();
      [state] = await this.#step(batchSize).repeat(count, state, input);
      chunks.note(count, (performance.now() - start) / 1000);
      done += count;
    }
    if (rows % batchSize > 0) [state] = await this.#step(rows % batchSize).repeat(1, state, input);
    return this.read(state.metrics);
  }

  /** The model's outputs for every row of x. */
  predict(tensors: Params, x: Rows): Promise<Tensor> {
    const { model, matmulPrecision } = this.#parts;
    const options = { tensors, batch: evaluationBatch(x), matmulPrecision };
    if (x instanceof Tensor) return predict(model, x, options);
    const rows = rowsShape(x)[0] as number;
    return predictRows(model, { rows, x, gather: gatherRows, device: this.#device }, options);
  }
}
