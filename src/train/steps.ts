/** The compiled programs of a Trainer: a training step, an evaluation step, and reading the averages. */
import { gatherRows, type Rows } from "../data/index.ts";
import { valueAndGrad } from "../engine/autodiff/index.ts";
import {
  arange,
  type Jitted,
  jit,
  type MatmulPrecision,
  minimum,
  random,
  stack,
  type Tensor,
  take,
  where,
} from "../engine/tensor/index.ts";
import type { Metric } from "../metrics/index.ts";
import { apply, context, type Module } from "../nn/index.ts";
import { applyUpdates, type Optimizer, type TensorTree } from "../optim/index.ts";
import type { MetricStates, Params, TrainState } from "./state.ts";

/** A loss is a mean over its batch, 0-d. */
export type Loss = (outputs: Tensor, targets: Tensor) => Tensor;

export interface Parts {
  readonly model: Module;
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  readonly metrics: readonly Metric[];
  readonly matmulPrecision: MatmulPrecision;
}

/** The training data, and the rows of this epoch in order: i32 [rows]. */
export interface TrainData {
  readonly x: Rows;
  readonly y: Tensor;
  readonly order: Tensor;
}

type Step = (state: TrainState, data: TrainData) => [TrainState];
export type TrainStep = Jitted<Step>;

/**
 * One step on the next `batchSize` rows of the order. It gathers its batch itself, so that many steps are one native call;
 * the result depends on the state and the data alone, however many steps such a call takes.
 */
export const trainStep = (parts: Parts, batchSize: number): TrainStep =>
  jit(stepOf(parts, batchSize), {
    donate: [0],
    name: "the training step",
    matmulPrecision: parts.matmulPrecision,
  });

/** The same, not compiled. */
export function stepOf(
  { model, loss, optimizer, metrics }: Omit<Parts, "matmulPrecision">,
  batchSize: number,
): Step {
  return (state, data) => {
    const rows = take(data.order, arange(batchSize).add(state.cursor), 0);
    const x = gatherRows(data.x, rows);
    const targets = take(data.y, rows, 0);
    const key = random.foldIn(state.key, state.step);
    const forward = (params: Params): [Tensor, { logits: Tensor; buffers: Params }] =>
      apply(model, { ...params, ...state.buffers }, () => {
        const ctx = context({ train: true, key });
        const logits = model.forward(x, ctx);
        return [loss(logits, targets), { logits, buffers: ctx.updates() }];
      });
    const [[value, aux], grads] = valueAndGrad(forward, { hasAux: true })(state.params);
    const at = {
      loss: value,
      lossAt: (params: TensorTree) => forward(params as Params)[0],
      key: random.foldIn(key, 0),
    };
    const [updates, next] = optimizer.update(grads, state.optimizer, state.params, at);
    return [
      {
        params: applyUpdates(state.params, updates),
        buffers: { ...state.buffers, ...aux.buffers },
        optimizer: next,
        step: state.step.add(1),
        key: state.key,
        cursor: state.cursor.add(batchSize),
        metrics: updateMetrics(metrics, state.metrics, { logits: aux.logits, targets, loss: value }),
        // x - x is 0 for finite x, NaN for NaN and the infinities.
        failed: where(value.sub(value).eq(0), state.failed, minimum(state.failed, state.step)),
      },
    ];
  };
}

export interface EvaluateState {
  readonly metrics: MetricStates;
  readonly cursor: Tensor;
}

export interface EvaluateData {
  readonly params: Params;
  readonly buffers: Params;
  readonly x: Rows;
  readonly y: Tensor;
}

export type EvaluateStep = Jitted<(state: EvaluateState, data: EvaluateData) => [EvaluateState]>;

/** Adds the next `batchSize` rows, in order, to the metrics. */
export function evaluateStep(parts: Omit<Parts, "optimizer">, batchSize: number): EvaluateStep {
  const { model, loss, metrics, matmulPrecision } = parts;
  const step = (state: EvaluateState, data: EvaluateData): [EvaluateState] => {
    const rows = arange(batchSize).add(state.cursor);
    const targets = take(data.y, rows, 0);
    const logits = apply(model, { ...data.params, ...data.buffers }, () =>
      model.forward(gatherRows(data.x, rows), context()),
    );
    const batch = { logits, targets, loss: loss(logits, targets) };
    return [{ metrics: updateMetrics(metrics, state.metrics, batch), cursor: state.cursor.add(batchSize) }];
  };
  return jit(step, { donate: [0], name: "the evaluation step", matmulPrecision });
}

function updateMetrics(
  metrics: readonly Metric[],
  states: MetricStates,
  batch: Parameters<Metric["update"]>[1],
): MetricStates {
  return Object.fromEntries(
    metrics.map((metric) => [metric.name, metric.update(states[metric.name] as MetricStates[string], batch)]),
  );
}

/** The averages the metrics stand at, f32 [metrics], in one read. */
export function readStep(metrics: readonly Metric[]): Jitted<(states: MetricStates) => Tensor> {
  return jit(
    (states: MetricStates) =>
      stack(metrics.map((metric) => metric.value(states[metric.name] as MetricStates[string]))),
    { name: "the metrics" },
  );
}
