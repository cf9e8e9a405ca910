/** The compiled programs of a Trainer: a training step, an evaluation step, and reading the averages. */
import { type Augmenter, gatherRows, type Rows } from "../data/index.ts";
import { valueAndGrad } from "../engine/autodiff/index.ts";
import { inScope } from "../engine/ir/index.ts";
import {
  arange,
  autocast,
  cond,
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
import { apply, type Context, context, type Module, scopedLayers } from "../nn/index.ts";
import { applyUpdates, type Optimizer, type TensorTree, withLearningRateTimes } from "../optim/index.ts";
import { nextLossScale, unscaled } from "./loss-scale.ts";
import type { Precision } from "./precision.ts";
import type { MetricStates, Params, TrainState } from "./state.ts";

/** What a loss may depend on besides outputs and targets. */
export interface LossContext {
  /** Whether the loss is trained on, and not only measured. */
  readonly train: boolean;
  /** Steps taken before this one, i32 0-d: what schedules are functions of. */
  readonly step: Tensor;
}

/** A mean over a batch, 0-d. */
export type PlainLoss = (outputs: Tensor, targets: Tensor) => Tensor;

/**
 * A loss is a mean over its batch, 0-d; or, where something in it follows the step, an object that gives it for one.
 * @example { at: ({ step }) => (logits, labels) => crossEntropy(logits, labels, { labelSmoothing: smoothing(step) }) }
 */
export type Loss = PlainLoss | { at(context: LossContext): PlainLoss };

/** The loss of one step. */
export const lossAt = (loss: Loss, context: LossContext): PlainLoss =>
  typeof loss === "function" ? loss : loss.at(context);

export interface Parts {
  readonly model: Module;
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  readonly metrics: readonly Metric[];
  readonly matmulPrecision: MatmulPrecision;
  /** What activations are stored in; default "f32". */
  readonly precision?: Precision | undefined;
  /** Changes the batches that are trained on, and no others. */
  readonly augment?: Augmenter | undefined;
}

/** The parts of a step that are no layer, as the profiler names them. */
export const stepScopes = {
  batch: "batch",
  loss: "loss",
  optimizer: "optimizer",
  metrics: "metrics",
} as const;

/** Separates the randomness of augmentation from that of layers and of the optimizer. */
const augmentStream = 0x61756731;

/** The training data, and the rows of this epoch in order: i32 [rows]. */
export interface TrainData {
  readonly x: Rows;
  readonly y: Tensor;
  readonly order: Tensor;
  /** f32, 0-d: what learning rates are times; left out where the batch size is fixed. */
  readonly rateFactor?: Tensor;
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
export function stepOf(parts: Parts, batchSize: number): Step {
  return (state, data) => [takeStep(parts, batchSize, state, data).next];
}

/** A step, with what it went by: for those that look at it. `around` sees the plain functions of the forward pass. */
export function takeStep(
  parts: Parts,
  batchSize: number,
  state: TrainState,
  data: TrainData,
  around?: Context["around"],
): { next: TrainState; batch: ReturnType<typeof batchGradients>; updates: Params } {
  const { optimizer, metrics } = parts;
  const key = random.foldIn(state.key, state.step);
  const batch = batchGradients(parts, state, data, state.cursor, batchSize, key, around);
  const at = { loss: batch.loss, lossAt: batch.lossAt, key: random.foldIn(key, 0) };
  const learn = ({ params, optimizer: memory }: Learned): Learned & { updates: Params } =>
    inScope(stepScopes.optimizer, () => {
      const update = () => optimizer.update(batch.grads, memory, params, at);
      const [updates, next] = data.rateFactor ? withLearningRateTimes(data.rateFactor, update) : update();
      return { params: applyUpdates(params, updates), optimizer: next, updates };
    });
  const { params, buffers } = state;
  const { finite } = batch;
  const before = { params, optimizer: state.optimizer };
  const { updates, ...learned } = finite === null ? learn(before) : unlessFinite(finite, learn, before);
  const next = {
    ...learned,
    buffers: {
      ...buffers,
      ...mapPaths(batch.buffers, (now, path) => (finite ? where(finite, now, buffers[path] as Tensor) : now)),
    },
    ...(state.lossScale && finite && { lossScale: nextLossScale(state.lossScale, finite) }),
    step: state.step.add(1),
    key: state.key,
    cursor: state.cursor.add(batchSize),
    metrics: inScope(stepScopes.metrics, () => updateMetrics(metrics, state.metrics, batch)),
    // x - x is 0 for finite x, NaN for NaN and the infinities.
    failed: where(batch.loss.sub(batch.loss).eq(0), state.failed, minimum(state.failed, state.step)),
  };
  return { next, batch, updates };
}

type Learned = Pick<TrainState, "params" | "optimizer">;

/** What `learn` makes of `before`; bit for bit the same as before, and not computed, where gradients are not finite. */
function unlessFinite(
  finite: Tensor,
  learn: (before: Learned) => Learned,
  before: Learned,
): Learned & { updates: Params } {
  const after = cond<Learned>(
    finite,
    (given) => {
      const { params, optimizer } = learn(given);
      return { params, optimizer };
    },
    before,
  );
  return { ...after, updates: mapPaths(after.params, (now, path) => now.sub(before.params[path] as Tensor)) };
}

const mapPaths = (params: Params, map: (tensor: Tensor, path: string) => Tensor): Params =>
  Object.fromEntries(Object.entries(params).map(([path, tensor]) => [path, map(tensor, path)]));

/** Loss and gradients of the `size` rows from place `from` of the order on, with what forward gave besides. */
export function batchGradients(
  parts: Pick<Parts, "model" | "loss" | "augment" | "precision" | "matmulPrecision">,
  state: TrainState,
  data: TrainData,
  from: Tensor,
  size: number,
  key: Tensor,
  around?: Context["around"],
): {
  loss: Tensor;
  /** The same loss at other parameters. */
  lossAt: (params: TensorTree) => Tensor;
  grads: Params;
  logits: Tensor;
  targets: Tensor;
  buffers: Params;
  /** bool, 0-d: whether all gradients are finite; where the loss is scaled. */
  finite: Tensor | null;
  /** What a tensor of the model's forward pass is here. */
  seen: (x: Tensor) => Tensor;
} {
  const { model, loss, augment, precision = "f32", matmulPrecision } = parts;
  const [x, targets] = inScope(stepScopes.batch, () => {
    const rows = take(data.order, arange(size).add(from), 0);
    const given = [gatherRows(data.x, rows), take(data.y, rows, 0)] as const;
    const at = { key: random.foldIn(key, augmentStream), step: state.step };
    return augment === undefined ? given : augment.batch(...given, at);
  });
  type Aux = { logits: Tensor; buffers: Params };
  let seen = (x: Tensor): Tensor => x;
  const forward = (params: Params): [Tensor, Aux] =>
    apply(model, { ...params, ...state.buffers }, () => {
      const ctx = context({ train: true, key, step: state.step });
      const logits = scopedLayers(model, around, (scoped) => model.forward(x, { ...ctx, around: scoped }));
      const value = inScope(stepScopes.loss, () =>
        lossAt(loss, { train: true, step: state.step })(logits, targets),
      );
      const traced: [Tensor, Aux] = [value, { logits, buffers: ctx.updates() }];
      if (precision === "f32") return traced;
      const cast = autocast(precision, traced, params, matmulPrecision === "bf16");
      seen = cast.seen;
      return cast.tree;
    });
  const scaled = (params: Params): [Tensor, Aux & { loss: Tensor }] => {
    const [value, aux] = forward(params);
    return [state.lossScale ? value.mul(state.lossScale.scale) : value, { ...aux, loss: value }];
  };
  const [[, aux], grads] = valueAndGrad(scaled, { hasAux: true })(state.params);
  const own = seen;
  const plain = state.lossScale ? unscaled(grads, state.lossScale) : { grads, finite: null };
  return { ...aux, ...plain, lossAt: (at) => forward(at as Params)[0], targets, seen: own };
}

export interface EvaluateState {
  readonly metrics: MetricStates;
  readonly cursor: Tensor;
}

export interface EvaluateData {
  readonly params: Params;
  readonly buffers: Params;
  /** Steps trained, i32 0-d. */
  readonly step: Tensor;
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
    const batch = { logits, targets, loss: lossAt(loss, { train: false, step: data.step })(logits, targets) };
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
