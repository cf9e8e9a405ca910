/** Recurrent cells as modules: the weights of one layer in one direction, and one step with them. */
import { type Tensor, zeros } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError } from "../../util/index.ts";
import type { Context } from "../context.ts";
import { type Initializer, uniform } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";
import { gruCell, lstmCell, type Nonlinearity, rnnCell } from "./cells.ts";

/** What is carried from step to step: h, the output, and for an LSTM c, the cell. */
export type RecurrentState<Names extends string> = Readonly<Record<Names | "h", Tensor>>;

export interface CellOptions {
  /** Default true. */
  readonly bias?: boolean;
  /** Of the input's weights. Default U(+-1 / sqrt(hidden)), as PyTorch. */
  readonly weightInit?: Initializer;
  /** Of the state's weights. Default as weightInit's. */
  readonly hiddenInit?: Initializer;
  /** Of both biases. Default as weightInit's. */
  readonly biasInit?: Initializer;
}

/**
 * The weights of a recurrent step with `gates` parts: inputWeight [inputs, gates hidden], hiddenWeight [hidden, gates hidden],
 * inputBias and hiddenBias [gates hidden]. Both biases are there, as in PyTorch, so that weights can be exchanged.
 * @throws ConfigError for sizes that are not positive integers; ShapeError in `forward` when x is not [batch, inputs].
 */
export abstract class RecurrentCell<Names extends string> extends Module {
  readonly inputWeight: Parameter;
  readonly hiddenWeight: Parameter;
  readonly inputBias: Parameter | null;
  readonly hiddenBias: Parameter | null;
  /** The parts of the state, "h" first. */
  abstract readonly states: readonly Names[];

  constructor(
    readonly inputs: number,
    readonly hidden: number,
    gates: number,
    options: CellOptions,
  ) {
    super();
    for (const size of [inputs, hidden]) {
      if (!Number.isInteger(size) || size < 1) {
        throw new ConfigError(
          `${this.constructor.name}: sizes must be positive integers; got ${inputs} and ${hidden}.`,
        );
      }
    }
    const bound = 1 / Math.sqrt(hidden);
    const init = uniform(-bound, bound);
    const bias = () =>
      options.bias === false ? null : new Parameter([gates * hidden], options.biasInit ?? init);
    this.inputWeight = new Parameter([inputs, gates * hidden], options.weightInit ?? init);
    this.hiddenWeight = new Parameter([hidden, gates * hidden], options.hiddenInit ?? init);
    this.inputBias = bias();
    this.hiddenBias = bias();
  }

  /** The part of a step that does not need the state, for any number of steps at once: [..., inputs] to [..., gates hidden]. */
  project(x: Tensor): Tensor {
    const product = x.matmul(this.inputWeight.value);
    const bias = this.projectedBias();
    return bias === null ? product : product.add(bias);
  }

  /** The state after a step with a projected input [batch, gates hidden]. */
  abstract step(projected: Tensor, state: RecurrentState<Names>): RecurrentState<Names>;

  /** What is added to projected inputs: where both biases are only added, their sum. */
  protected projectedBias(): Tensor | null {
    return this.inputBias && this.hiddenBias && this.inputBias.value.add(this.hiddenBias.value);
  }

  /** The state before the first step: zeros. */
  initial(batch: number): RecurrentState<Names> {
    const parts = this.states.map((name) => [name, zeros([batch, this.hidden])]);
    return Object.fromEntries(parts) as RecurrentState<Names>;
  }

  /** h after one step from `state` with x: [batch, inputs]; `next` gives the whole state. */
  forward(x: Tensor, _ctx?: Context, state?: RecurrentState<Names>): Tensor {
    return this.next(x, state).h;
  }

  /** The state after one step from `state` (default zeros) with x: [batch, inputs]. */
  next(x: Tensor, state?: RecurrentState<Names>): RecurrentState<Names> {
    if (x.ndim !== 2 || x.shape[1] !== this.inputs) {
      throw new ShapeError(
        `${this.label}: input must be [batch, ${this.inputs}]; got ${x.dtype}${formatShape(x.shape)}.`,
      );
    }
    return this.step(this.project(x), state ?? this.initial(x.shape[0] as number));
  }
}

export interface RnnCellOptions extends CellOptions {
  /** Default "tanh". */
  readonly nonlinearity?: Nonlinearity;
}

/** h' = f(x Wi + bi + h Wh + bh); see `rnnCell`. */
export class RNNCell extends RecurrentCell<"h"> {
  readonly states = ["h"] as const;
  readonly nonlinearity: Nonlinearity;

  constructor(inputs: number, hidden: number, options: RnnCellOptions = {}) {
    super(inputs, hidden, 1, options);
    this.nonlinearity = options.nonlinearity ?? "tanh";
    if (this.nonlinearity !== "tanh" && this.nonlinearity !== "relu") {
      throw new ConfigError(
        `RNNCell: nonlinearity must be "tanh" or "relu"; got ${JSON.stringify(this.nonlinearity)}.`,
      );
    }
  }

  step(projected: Tensor, { h }: RecurrentState<"h">): RecurrentState<"h"> {
    return { h: rnnCell(projected, h, this.hiddenWeight.value, this.nonlinearity) };
  }
}

/** Gates in PyTorch's order: input, forget, candidate, output (Keras names them i, f, c, o: the same); see `lstmCell`. */
export class LSTMCell extends RecurrentCell<"h" | "c"> {
  readonly states = ["h", "c"] as const;

  constructor(inputs: number, hidden: number, options: CellOptions = {}) {
    super(inputs, hidden, 4, options);
  }

  step(projected: Tensor, state: RecurrentState<"h" | "c">): RecurrentState<"h" | "c"> {
    const [h, c] = lstmCell(projected, state.h, state.c, this.hiddenWeight.value);
    return { h, c };
  }
}

/** Gates in PyTorch's order: reset, update, candidate (Keras: update, reset, candidate); see `gruCell`. */
export class GRUCell extends RecurrentCell<"h"> {
  readonly states = ["h"] as const;

  constructor(inputs: number, hidden: number, options: CellOptions = {}) {
    super(inputs, hidden, 3, options);
  }

  step(projected: Tensor, { h }: RecurrentState<"h">): RecurrentState<"h"> {
    return { h: gruCell(projected, h, this.hiddenWeight.value, this.hiddenBias?.value ?? null) };
  }

  protected override projectedBias(): Tensor | null {
    return this.inputBias?.value ?? null; // the hidden one is multiplied by the reset gate
  }
}
