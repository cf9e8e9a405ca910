/** What a run shows of its state: the trained values, or the averages that its optimizer keeps, with statistics that fit them. */
import { gatherRows, rowsShape } from "../data/index.ts";
import { arange, jit, type Tensor } from "../engine/tensor/index.ts";
import { copyTree, type TensorsByPath } from "../io/index.ts";
import { BatchNorm, type Module, recalibrate } from "../nn/index.ts";
import { evaluatedParameters, keepsAverages, restartAverages } from "../optim/index.ts";
import { evaluationBatch, type Placed } from "./evaluate.ts";
import type { Params, TrainState, Values } from "./state.ts";

/** Finds the values to show, and keeps those of the last state it was asked for. */
export class Shown {
  readonly #model: Module;
  readonly #wanted: boolean;
  readonly #averages = jit(
    (optimizer: TrainState["optimizer"], params: Params): Params => evaluatedParameters(optimizer, params),
    { name: "the averages" },
  );
  #last: { readonly state: TrainState; readonly values: Values } | null = null;

  /** `wanted`: whether averages are to stand in for trained values. */
  constructor(model: Module, wanted: boolean) {
    this.#model = model;
    this.#wanted = wanted;
  }

  /** Whether this state's values differ from the trained ones. */
  averages(state: TrainState): boolean {
    return this.#wanted && keepsAverages(state.optimizer);
  }

  /** Says what a state shows, as a checkpoint remembers it. */
  keep(state: TrainState, values: Values): void {
    this.#last = { state, values };
  }

  /**
   * The values that the state shows. Batch norm's statistics are of the trained values: with averages they are measured anew on
   * `train`, where it is given. The model holds other values afterwards.
   */
  async of(state: TrainState, train: Placed | null): Promise<Values> {
    if (!this.averages(state)) return state;
    if (this.#last?.state === state) return this.#last.values;
    const params = this.#averages(state.optimizer, state.params);
    let { buffers } = state;
    if (train !== null && hasStatistics(this.#model)) {
      this.#model.load({ ...params, ...buffers });
      await recalibrate(this.#model, batches(train));
      buffers = await copyTree(this.#model.buffers());
    }
    this.keep(state, { params, buffers });
    return { params, buffers };
  }

  /** The state with other values, at which averages begin anew. */
  async withValues(state: TrainState, values: Values): Promise<TrainState> {
    if (!keepsAverages(state.optimizer)) return { ...state, ...values };
    return {
      ...state,
      ...values,
      optimizer: await copyTree(restartAverages(state.optimizer, values.params)),
    };
  }
}

/** Whether there are running statistics that averages need measured anew. */
export const hasStatistics = (model: Module): boolean =>
  [...model.named()].some(([, child]) => child instanceof BatchNorm && child.runningMean !== null);

/** The inputs of all rows, in order. */
function* batches({ x }: Placed): Generator<Tensor> {
  const rows = rowsShape(x)[0] as number;
  const size = evaluationBatch(x);
  for (let from = 0; from < rows; from += size) {
    yield gatherRows(x, arange(Math.min(size, rows - from)).add(from));
  }
}

/** A checkpoint's tensors: what training goes on from, what its run evaluated where that is something else, and callbacks' snapshots. */
export function splitCheckpoint(tensors: TensorsByPath): {
  trained: TensorsByPath;
  evaluated: TensorsByPath | null;
  snapshots: ReadonlyMap<string, TensorsByPath>;
} {
  const trained: Record<string, Tensor> = Object.create(null);
  const evaluated: Record<string, Tensor> = Object.create(null);
  const snapshots = new Map<string, Record<string, Tensor>>();
  for (const [path, tensor] of Object.entries(tensors)) {
    const [place, ...rest] = path.split("/");
    if (place === "evaluated") evaluated[rest.join("/")] = tensor;
    else if (place === "snapshots") {
      const [owner = "", ...within] = rest;
      const of = snapshots.get(owner) ?? Object.create(null);
      of[within.join("/")] = tensor;
      snapshots.set(owner, of);
    } else trained[path] = tensor;
  }
  return { trained, evaluated: Object.keys(evaluated).length === 0 ? null : evaluated, snapshots };
}
