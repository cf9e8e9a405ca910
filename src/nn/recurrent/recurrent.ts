/** Layers of recurrent cells over whole sequences: stacked, in one direction or both. */
import { concat, scan, stack, type Tensor, where } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError, sizeOf } from "../../util/index.ts";
import { type Context, context } from "../context.ts";
import { Dropout } from "../dropout.ts";
import { Module } from "../module.ts";
import type { Scheduled } from "../scheduled.ts";
import type { CellOptions, RecurrentCell, RecurrentState } from "./cell.ts";
import { type SequenceMask, stepMask } from "./mask.ts";

export interface RecurrentOptions extends CellOptions {
  /** Layers one upon the other; each reads the outputs of the one below. Default 1. */
  readonly layers?: number;
  /** Also runs from the last step to the first, and joins both outputs. Default false. */
  readonly bidirectional?: boolean;
  /** Dropout between layers, while training. Default 0. */
  readonly dropout?: Scheduled;
  /** `forward` gives the outputs of all steps (true, default) or the last ones alone. */
  readonly returnSequences?: boolean;
}

export interface SequenceOptions<Names extends string> extends SequenceMask {
  /** The state before the first step, each part [layers * directions, batch, hidden]. Default zeros. */
  readonly initial?: RecurrentState<Names>;
}

export interface Sequences<Names extends string> {
  /** [batch, time, directions * hidden]; 0 where a step is padding. */
  readonly outputs: Tensor;
  /** The state after the last step that is there, each part [layers * directions, batch, hidden]: layer 0 forward, layer 0 backward, ... */
  readonly final: RecurrentState<Names>;
}

interface Layer<Cell> {
  readonly forward: Cell;
  readonly backward: Cell | null;
}

type Ran<Names extends string> = readonly [outputs: Tensor, final: RecurrentState<Names>];

/** What RNN, LSTM and GRU share; see there. */
export abstract class Recurrent<Names extends string> extends Module {
  readonly layers: readonly Layer<RecurrentCell<Names>>[];
  private readonly dropouts: readonly Dropout[];
  readonly returnSequences: boolean;

  constructor(
    readonly inputs: number,
    readonly hidden: number,
    makeCell: (inputs: number) => RecurrentCell<Names>,
    options: RecurrentOptions,
  ) {
    super();
    const { layers = 1, bidirectional = false, dropout = 0, returnSequences = true } = options;
    if (!Number.isInteger(layers) || layers < 1) {
      throw new ConfigError(`${this.constructor.name}: layers must be a positive integer; got ${layers}.`);
    }
    this.returnSequences = returnSequences;
    this.layers = Array.from({ length: layers }, (_, level) => {
      const width = level === 0 ? inputs : hidden * (bidirectional ? 2 : 1);
      return { forward: makeCell(width), backward: bidirectional ? makeCell(width) : null };
    });
    this.dropouts = Array.from({ length: layers - 1 }, () => new Dropout(dropout));
  }

  /** Directions: 1 or 2. */
  get directions(): number {
    return this.layers[0]?.backward ? 2 : 1;
  }

  /**
   * [batch, time, directions * hidden], or with `returnSequences: false` what each direction came to, [batch, directions * hidden].
   * @throws ShapeError, DTypeError, DataError when x, the mask, the lengths or the initial state do not fit.
   */
  forward(x: Tensor, ctx: Context = context(), options: SequenceOptions<Names> = {}): Tensor {
    const { outputs, final } = this.run(x, options, ctx);
    if (this.returnSequences) return outputs;
    const last = final.h.slice([-this.directions]).permute([1, 0, 2]);
    return last.reshape([x.shape[0] as number, this.directions * this.hidden]);
  }

  /** Outputs and final state for x: [batch, time, inputs]. */
  run(x: Tensor, options: SequenceOptions<Names> = {}, ctx: Context = context()): Sequences<Names> {
    if (x.ndim !== 3 || x.shape[2] !== this.inputs) {
      throw new ShapeError(
        `${this.label}: input must be [batch, time, ${this.inputs}]; got ${x.dtype}${formatShape(x.shape)}.`,
      );
    }
    const mask = stepMask(this.label, x, options);
    const steps = mask?.transpose().unsqueeze(-1) ?? null; // [time, batch, 1]
    const starts = this.#starts(x.shape[0] as number, options.initial);
    const finals: RecurrentState<Names>[] = [];
    let input = x.permute([1, 0, 2]); // time first, for the loop
    this.layers.forEach(({ forward, backward }, level) => {
      if (level > 0) input = (this.dropouts[level - 1] as Dropout).forward(input, ctx);
      const cells = backward === null ? [forward] : [forward, backward];
      const ran = cells.map((cell, direction) => {
        const start = starts[finals.length] as RecurrentState<Names>;
        const [outputs, final] = runCell(cell, input, start, steps, direction === 1);
        finals.push(final);
        return outputs;
      });
      input = concat(ran, -1);
    });
    const names = (this.layers[0] as Layer<RecurrentCell<Names>>).forward.states;
    const final = Object.fromEntries(names.map((name) => [name, stack(finals.map((state) => state[name]))]));
    return { outputs: input.permute([1, 0, 2]), final: final as RecurrentState<Names> };
  }

  /** The first state of each cell, in the order they run. */
  #starts(batch: number, initial: RecurrentState<Names> | undefined): RecurrentState<Names>[] {
    const cells = this.layers.flatMap(({ forward, backward }) =>
      backward ? [forward, backward] : [forward],
    );
    if (initial === undefined) return cells.map((cell) => cell.initial(batch));
    const expected = [cells.length, batch, this.hidden];
    const { states } = cells[0] as RecurrentCell<Names>;
    for (const name of states) {
      const given: Tensor | undefined = initial[name];
      if (given !== undefined && formatShape(given.shape) === formatShape(expected)) continue;
      throw new ShapeError(
        `${this.label}: initial ${name} must be f32${formatShape(expected)}; got ${given === undefined ? "none" : `${given.dtype}${formatShape(given.shape)}`}.`,
      );
    }
    return cells.map((_, at) => {
      const parts = states.map((name) => [name, initial[name].index(at)]);
      return Object.fromEntries(parts) as RecurrentState<Names>;
    });
  }
}

/** One cell over x: [time, batch, inputs]. Where the mask is false the state passes through, so padding may be at either end. */
function runCell<Names extends string>(
  cell: RecurrentCell<Names>,
  x: Tensor,
  start: RecurrentState<Names>,
  mask: Tensor | null,
  reverse: boolean,
): Ran<Names> {
  const early = projectsEarly(cell, x.shape[1] as number);
  const inputs = early ? cell.project(x) : x;
  type State = RecurrentState<Names>;
  const next = (state: State, at: Tensor): State => cell.step(early ? at : cell.project(at), state);
  if (mask === null) {
    const step = (state: State, at: Tensor): [State, Tensor] => {
      const to = next(state, at);
      return [to, to.h];
    };
    const [final, outputs] = scan(step, start, inputs, { reverse });
    return [outputs, final];
  }
  const step = (state: State, { at, there }: { at: Tensor; there: Tensor }): [State, Tensor] => {
    const to = next(state, at);
    const kept = cell.states.map((name) => [name, where(there, to[name], state[name])]);
    return [Object.fromEntries(kept) as State, where(there, to.h, 0)];
  };
  const [final, outputs] = scan(step, start, { at: inputs, there: mask }, { reverse });
  return [outputs, final];
}

/**
 * Whether inputs are projected before the loop, all steps in one product. A step of many sequences is a good product itself, and finds
 * its projected inputs in the cache, where those of all steps would have to come back from memory.
 */
function projectsEarly(cell: RecurrentCell<string>, batch: number): boolean {
  return batch < 16 || sizeOf(cell.inputWeight.shape) > 1 << 18;
}
