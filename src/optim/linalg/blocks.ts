/** Tensors cut into blocks that are no longer than a size along any axis. */
import { concat, type Tensor } from "../../engine/tensor/index.ts";

/** The blocks in row-major order. */
export function blocksOf(x: Tensor, size: number, axis = 0): Tensor[] {
  if (axis === x.ndim) return [x];
  const length = x.shape[axis] as number;
  const whole = x.shape.slice(0, axis).map((end): [number, number] => [0, end]);
  const pieces = Array.from({ length: Math.ceil(length / size) }, (_, i) =>
    length <= size ? x : x.slice(...whole, [i * size, Math.min(length, (i + 1) * size)]),
  );
  return pieces.flatMap((piece) => blocksOf(piece, size, axis + 1));
}

/** The tensor of that shape again. */
export function joinBlocks(
  blocks: readonly Tensor[],
  shape: readonly number[],
  size: number,
  axis = 0,
): Tensor {
  if (axis === shape.length) return blocks[0] as Tensor;
  const count = Math.ceil((shape[axis] as number) / size);
  const each = blocks.length / count;
  const pieces = Array.from({ length: count }, (_, i) =>
    joinBlocks(blocks.slice(i * each, (i + 1) * each), shape, size, axis + 1),
  );
  return count === 1 ? (pieces[0] as Tensor) : concat(pieces, axis);
}
