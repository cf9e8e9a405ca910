/** Matrices along the axes of a tensor. */
import type { Tensor } from "../../engine/tensor/index.ts";

/** The axes of a tensor with one moved to the end. */
const lastly = (ndim: number, axis: number): number[] => [
  ...Array.from({ length: ndim }, (_, i) => i).filter((i) => i !== axis),
  axis,
];

/** y[.., j, ..] = sum over i of x[.., i, ..] m[i, j]: x times a matrix [size, size] along one axis. */
export function timesAlong(x: Tensor, axis: number, m: Tensor): Tensor {
  const order = lastly(x.ndim, axis);
  const moved = x.permute(order);
  const size = x.shape[axis] as number;
  const product = moved
    .reshape([x.size / size, size])
    .matmul(m)
    .reshape(moved.shape);
  return product.permute(order.map((_, at) => order.indexOf(at)));
}

/** [size, size]: the products of the slices of x across one axis with each other. */
export function gramAlong(x: Tensor, axis: number): Tensor {
  const size = x.shape[axis] as number;
  const rows = x.permute(lastly(x.ndim, axis)).reshape([x.size / size, size]);
  return rows.transpose().matmul(rows);
}
