export {
  type CellOptions,
  GRUCell,
  LSTMCell,
  RecurrentCell,
  type RecurrentState,
  RNNCell,
  type RnnCellOptions,
} from "./cell.ts";
export { gruCell, lstmCell, type Nonlinearity, rnnCell } from "./cells.ts";
export { GRU, LSTM, RNN, type RnnOptions } from "./layers.ts";
export type { SequenceMask } from "./mask.ts";
export { recurrentFromPyTorch } from "./pytorch.ts";
export { Recurrent, type RecurrentOptions, type SequenceOptions, type Sequences } from "./recurrent.ts";
