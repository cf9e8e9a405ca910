/** Telemetry: every few steps one also measures itself, layer by layer, and gives that as one small vector. */
import { topologicalOrder } from "../engine/ir/index.ts";
import { type Jitted, jit, stack, type Tensor } from "../engine/tensor/index.ts";
import { type Tap, tapLayers } from "../nn/index.ts";
import { sizeOf } from "../util/index.ts";
import type { TrainState } from "./state.ts";
import { type Parts, type TrainData, type TrainStep, takeStep } from "./steps.ts";
import type { TelemetrySteps } from "./telemetry-steps.ts";

/** A module's own parameters together. Norms are Euclidean. */
export interface LayerTelemetry {
  /** The module's path, as in `layers/0`; "" for parameters of the model itself. */
  readonly path: string;
  /** Trained numbers. */
  readonly size: number;
  readonly gradientNorm: number;
  /** Before the step. */
  readonly weightNorm: number;
  /** Of what the step added. Its ratio to `weightNorm` is the update ratio. */
  readonly updateNorm: number;
}

/** What a layer gave for the batch: [batch, ..., units]. */
export interface ActivationTelemetry {
  readonly path: string;
  /** The class of a module, the name of a function. */
  readonly kind: string;
  readonly units: number;
  readonly mean: number;
  readonly variance: number;
  /** The mean over units of their variance over the batch: 0 where all rows give the same. */
  readonly spread: number;
  /** Of the units, which share is 0 for the whole batch. */
  readonly dead: number;
  /** Which share of the numbers is within 0.02 of the bounds of sigmoid or tanh; null for other layers. */
  readonly saturated: number | null;
}

/** One step, seen from inside. Equal runs have equal telemetry. */
export interface Telemetry {
  /** Steps taken before it. */
  readonly step: number;
  /** Of its batch. */
  readonly loss: number;
  /** In the order of the model's parameters. */
  readonly layers: readonly LayerTelemetry[];
  /** In the order layers end. */
  readonly activations: readonly ActivationTelemetry[];
}

type MeasuringStep = Jitted<(state: TrainState, data: TrainData) => [TrainState, Tensor]>;

/** What the numbers of the vector are of. */
interface Layout {
  readonly layers: readonly Pick<LayerTelemetry, "path" | "size">[];
  readonly activations: readonly Pick<ActivationTelemetry, "path" | "kind" | "units">[];
}

const measuresOfLayer = 3;
const measuresOfActivation = 5;

/** Where each squashing function ends. */
const bounds: Readonly<Record<string, readonly [number, number]>> = { sigmoid: [0, 1], tanh: [-1, 1] };
const NEAR = 0.02;

/** Takes steps of which some measure themselves; what they measured waits until it is read. */
export class Telemeter {
  readonly #steps = new Map<number, { readonly step: MeasuringStep; readonly layout: () => Layout }>();
  #waiting: { readonly step: number; readonly batchSize: number; readonly vector: Tensor }[] = [];

  constructor(
    readonly parts: Parts,
    readonly every: TelemetrySteps,
  ) {}

  /** What was measured and not read, in a fit that failed, is none of the next. */
  forget(): this {
    this.#waiting = [];
    return this;
  }

  /** Compiles. */
  prepare(batchSize: number, state: TrainState, data: TrainData): void {
    this.#stepOf(batchSize).step.planFor(state, data);
  }

  /** `count` steps from step `from` on, to the bits that `plain` alone would give. */
  async advance(
    plain: TrainStep,
    batchSize: number,
    count: number,
    from: number,
    state: TrainState,
    data: TrainData,
  ): Promise<TrainState> {
    let now = state;
    for (let step = from; step < from + count; ) {
      const every = this.every(step);
      const since = step % every;
      if (since === 0) {
        // Where the plain steps run, not on this thread: there caches are warm.
        const [next, vector] = await this.#stepOf(batchSize).step.repeat(1, now, data);
        this.#waiting.push({ step, batchSize, vector });
        now = next;
        step++;
      } else {
        const some = Math.min(from + count - step, every - since);
        [now] = await plain.repeat(some, now, data);
        step += some;
      }
    }
    return now;
  }

  /** What was measured since it was last asked. */
  async read(): Promise<Telemetry[]> {
    const waiting = this.#waiting;
    this.#waiting = [];
    return Promise.all(
      waiting.map(async ({ step, batchSize, vector }) => {
        const values = await vector.data();
        vector.dispose();
        return inWords(step, this.#stepOf(batchSize).layout(), values);
      }),
    );
  }

  #stepOf(batchSize: number) {
    const known = this.#steps.get(batchSize);
    if (known) return known;
    let layout: Layout = { layers: [], activations: [] };
    const step = jit(
      (state: TrainState, data: TrainData): [TrainState, Tensor] => {
        const measured = measuredStep(this.parts, batchSize, state, data);
        layout = measured.layout;
        return [measured.next, measured.vector];
      },
      {
        donate: [0],
        name: "the training step with telemetry",
        matmulPrecision: this.parts.matmulPrecision,
      },
    );
    const made = { step, layout: () => layout };
    this.#steps.set(batchSize, made);
    return made;
  }
}

/** The step, and a vector of its loss, then `measuresOfLayer` for each layer, then `measuresOfActivation` for each activation. */
function measuredStep(
  parts: Parts,
  batchSize: number,
  state: TrainState,
  data: TrainData,
): { next: TrainState; vector: Tensor; layout: Layout } {
  const { result, taps } = tapLayers(parts.model, (around) =>
    takeStep(parts, batchSize, state, data, around),
  );
  const { next, batch, updates } = result;
  const layers = new Map<string, string[]>();
  for (const path of Object.keys(state.params)) {
    const module = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
    layers.set(module, [...(layers.get(module) ?? []), path]);
  }
  const squares = (tree: Readonly<Record<string, Tensor>>, paths: readonly string[]): Tensor =>
    paths.map((path) => (tree[path] as Tensor).square().sum()).reduce((sum, more) => sum.add(more));
  // The inside of a loop has no numbers of its own, and a second forward pass (sharpness-aware steps) is none of the loss.
  const own = new Set(topologicalOrder([batch.loss.node]));
  const there = taps.map((tap) => ({ ...tap, output: batch.seen(tap.output) }));
  const seen = there.filter(({ output }) => own.has(output.node) && output.ndim >= 2 && output.size > 0);
  const numbers = [
    batch.loss,
    ...[...layers.values()].flatMap((paths) =>
      [batch.grads, state.params, updates].map((tree) => squares(tree, paths)),
    ),
    ...seen.flatMap(measuresOf),
  ];
  return {
    next,
    vector: stack(numbers.map((value) => value.astype("f32"))),
    layout: {
      layers: [...layers].map(([path, paths]) => ({
        path,
        size: paths.reduce((sum, one) => sum + sizeOf((state.params[one] as Tensor).shape), 0),
      })),
      activations: seen.map(({ path, kind, output }) => ({ path, kind, units: output.shape.at(-1) ?? 1 })),
    },
  };
}

function measuresOf({ kind, output }: Tap): Tensor[] {
  const mean = output.mean();
  const rest = output.shape.slice(0, -1).map((_, axis) => axis);
  const [low, high] = bounds[kind] ?? [0, 0];
  const near = output
    .lt(low + NEAR)
    .astype("f32")
    .add(output.gt(high - NEAR).astype("f32"));
  return [
    mean,
    output.sub(mean).square().mean(),
    output
      .sub(output.mean(0, { keepDims: true }))
      .square()
      .mean(),
    output.abs().max(rest).eq(0).astype("f32").mean(),
    kind in bounds ? near.mean() : mean,
  ];
}

function inWords(step: number, layout: Layout, values: ArrayLike<number>): Telemetry {
  const at = (index: number): number => values[index] ?? Number.NaN;
  const first = 1 + measuresOfLayer * layout.layers.length;
  return {
    step,
    loss: at(0),
    layers: layout.layers.map((layer, i) => {
      const from = 1 + measuresOfLayer * i;
      return {
        ...layer,
        gradientNorm: Math.sqrt(at(from)),
        weightNorm: Math.sqrt(at(from + 1)),
        updateNorm: Math.sqrt(at(from + 2)),
      };
    }),
    activations: layout.activations.map((activation, i) => {
      const from = first + measuresOfActivation * i;
      return {
        ...activation,
        mean: at(from),
        variance: at(from + 1),
        spread: at(from + 2),
        dead: at(from + 3),
        saturated: activation.kind in bounds ? at(from + 4) : null,
      };
    }),
  };
}
