/** RNN, LSTM and GRU. */
import { type CellOptions, GRUCell, LSTMCell, RNNCell, type RnnCellOptions } from "./cell.ts";
import { Recurrent, type RecurrentOptions } from "./recurrent.ts";

export interface RnnOptions extends RecurrentOptions, RnnCellOptions {}

/**
 * Elman's network: h[t] = f(x[t] Wi + bi + h[t - 1] Wh + bh), for x: [batch, time, inputs]; outputs [batch, time, directions * hidden].
 * PyTorch's `nn.RNN` with batch_first.
 * @throws ConfigError for sizes that are not positive integers or another nonlinearity.
 * @example new RNN(28, 64, { nonlinearity: "relu", returnSequences: false })
 */
export class RNN extends Recurrent<"h"> {
  constructor(inputs: number, hidden: number, options: RnnOptions = {}) {
    super(inputs, hidden, (width) => new RNNCell(width, hidden, options), options);
  }
}

/**
 * Long short-term memory over x: [batch, time, inputs]; outputs [batch, time, directions * hidden], state h and c. Gates, their order
 * and both biases are PyTorch's (`nn.LSTM` with batch_first). Keras has the same gates and order but one bias, the forget gate's
 * starting at 1, and Glorot and orthogonal weights.
 * @throws ConfigError for sizes that are not positive integers.
 * @example
 * const encoder = new LSTM(64, 128, { layers: 2, bidirectional: true, dropout: 0.1 }).init(0);
 * const { outputs, final } = encoder.run(x, { lengths: [12, 7, 9] });
 */
export class LSTM extends Recurrent<"h" | "c"> {
  constructor(inputs: number, hidden: number, options: RecurrentOptions = {}) {
    super(inputs, hidden, (width) => new LSTMCell(width, hidden, options satisfies CellOptions), options);
  }
}

/**
 * Gated recurrent units over x: [batch, time, inputs]; outputs [batch, time, directions * hidden]. Gates, their order and both biases
 * are PyTorch's (`nn.GRU` with batch_first), the reset gate working after the product. Keras with reset_after has the same maths with
 * the gates in the order update, reset, candidate.
 * @throws ConfigError for sizes that are not positive integers.
 * @example const y = new GRU(64, 128).init(0).forward(x);
 */
export class GRU extends Recurrent<"h"> {
  constructor(inputs: number, hidden: number, options: RecurrentOptions = {}) {
    super(inputs, hidden, (width) => new GRUCell(width, hidden, options satisfies CellOptions), options);
  }
}
