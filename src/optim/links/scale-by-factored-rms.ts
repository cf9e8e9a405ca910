/** Adafactor's direction: the gradient over a root of mean squares that is kept as a row and a column. */

import { pow, type Tensor, tensor } from "../../engine/tensor/index.ts";
import { optionNames, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer, settled, type TensorTree } from "../optimizer.ts";
import { zeroOn } from "./means.ts";

export interface FactoredRmsOptions {
  /** The t-th gradient's share of the means is t^beta2Decay. Default -0.8. */
  readonly beta2Decay?: Hyper;
  /** The least root, and the least mean of a row. Default 2^-23, the spacing of f32 at 1, as PyTorch. */
  readonly epsilon?: Hyper;
}

export const factoredRmsOptions = optionNames<FactoredRmsOptions>({ beta2Decay: true, epsilon: true });

type FactoredRmsState = HyperState & {
  /** Means of squares along the last axis, [..., rows, 1]; of a vector, of each element. */
  readonly rows: TensorTree;
  /** Means of squares along the axis before, [..., 1, columns]; of a vector, one number that stays 0. */
  readonly columns: TensorTree;
  /** Steps taken, i32. */
  readonly steps: Tensor;
};

/** A shape with the axis `fromEnd` places from its end summed away. */
const without = (shape: readonly number[], fromEnd: number) =>
  shape.map((size, axis) => (axis === shape.length - fromEnd ? 1 : size));
const rowsOf = (shape: readonly number[]) => (shape.length > 1 ? without(shape, 1) : shape);
const columnsOf = (shape: readonly number[]) => (shape.length > 1 ? without(shape, 2) : []);

/**
 * r <- (1 - s) r + s mean(g^2, last axis);  c <- (1 - s) c + s mean(g^2, axis before), with s = t^beta2Decay;
 * v = r c / max(mean(r), epsilon);  u = g / sqrt(max(v, epsilon^2)). For a vector v is the mean of its squares itself.
 * State: 4 bytes per row and column of a matrix, and per element of a vector.
 * Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018.
 * @throws ConfigError unless beta2Decay < 0 and epsilon > 0.
 */
export function scaleByFactoredRms(options: FactoredRmsOptions = {}): Optimizer<FactoredRmsState> {
  const { beta2Decay = -0.8, epsilon = 2 ** -23 } = options;
  const op = "scaleByFactoredRms";
  rejectUnknown(op, options, factoredRmsOptions);
  const hyper = hyperSet(op, { beta2Decay: [beta2Decay, { below: 0 }], epsilon: [epsilon, { above: 0 }] });
  return {
    traits: { name: op, stage: "direction", schedules: hyper.schedules },
    init(params) {
      const device = deviceOfTree(op, params);
      const zeros = (shapeOf: (shape: readonly number[]) => readonly number[]) =>
        mapTensors(
          op,
          (p) => {
            const shape = shapeOf(p.shape);
            return tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), { shape, device: p.device });
          },
          params,
        );
      return {
        ...hyper.init(device),
        rows: zeros(rowsOf),
        columns: zeros(columnsOf),
        steps: zeroOn(device, "i32"),
      };
    },
    update(grads, state) {
      const now = hyper.at(state);
      const epsilonNow = now.value("epsilon");
      const steps = state.steps.add(1);
      const share = pow(steps.astype("f32"), now.value("beta2Decay"));
      const keep = share.neg().add(1);
      const mean = (old: Tensor, value: Tensor) => settled(old.mul(keep).add(value.mul(share)));
      const along = (axis: number, g: Tensor) => g.square().mean(axis, { keepDims: true });

      const rows = mapTensors(
        op,
        (g, r) => mean(r as Tensor, g.ndim > 1 ? along(-1, g) : g.square()),
        grads,
        state.rows,
      );
      const columns = mapTensors(
        op,
        (g, c) => (g.ndim > 1 ? mean(c as Tensor, along(-2, g)) : (c as Tensor)),
        grads,
        state.columns,
      );
      const updates = mapTensors(
        op,
        (g, r, c) => {
          const [row, column] = [r as Tensor, c as Tensor];
          const squares =
            g.ndim > 1 ? row.div(row.mean(-2, { keepDims: true }).maximum(epsilonNow)).mul(column) : row;
          return g.div(squares.maximum(epsilonNow.square()).sqrt());
        },
        grads,
        rows,
        columns,
      );
      return [updates, { ...now.next, rows, columns, steps }];
    },
  };
}
