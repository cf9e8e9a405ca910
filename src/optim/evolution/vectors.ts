/** Parameters as one vector of float64 and back, for searches that know numbers only. */
import { type Tensor, tensor } from "../../engine/tensor/index.ts";
import { DTypeError, flattenTree, mapTree, ShapeError } from "../../util/index.ts";
import type { TensorTree } from "../optimizer.ts";

const whole = (tensors: readonly Tensor[]): number => tensors.reduce((sum, { size }) => sum + size, 0);

function leavesOf(op: string, tree: TensorTree): Tensor[] {
  const { leaves, paths } = flattenTree(tree);
  (leaves as Tensor[]).forEach(({ dtype }, i) => {
    if (dtype !== "f32" && dtype !== "f16" && dtype !== "bf16") {
      throw new DTypeError(`${op}: parameters must be floats; got ${dtype} at ${paths[i]}.`);
    }
  });
  return leaves as Tensor[];
}

/**
 * All numbers of a tree of float tensors in one vector, exactly: tensors in the order of their paths (keys sorted), each row-major.
 * @throws DTypeError for integers and booleans.
 * @example const start = await parametersToVector(model.parameters());
 */
export async function parametersToVector(params: TensorTree): Promise<Float64Array> {
  const leaves = leavesOf("parametersToVector", params);
  const values = await Promise.all(leaves.map((leaf) => leaf.data()));
  const vector = new Float64Array(whole(leaves));
  let at = 0;
  for (const part of values) {
    vector.set(part, at);
    at += part.length;
  }
  return vector;
}

/**
 * The inverse of `parametersToVector`: new tensors with the structure, shapes, dtypes and devices of `like`, which is not read. Numbers
 * are rounded to the dtype, so that f32 parameters come back to the bit.
 * @throws ShapeError unless the vector has as many numbers as `like`; DTypeError for integers and booleans.
 * @example model.load(vectorToParameters(found.x, model.parameters()));
 */
export function vectorToParameters<P extends TensorTree>(vector: Float64Array, like: P): P {
  const size = whole(leavesOf("vectorToParameters", like));
  if (vector.length !== size) {
    throw new ShapeError(
      `vectorToParameters: the vector must have as many numbers as the parameters; got ${vector.length} for ${size}.`,
    );
  }
  let at = 0;
  return mapTree<P>(like, (leaf) => {
    const { shape, size: length, dtype, device } = leaf as Tensor;
    const part = Float32Array.from(vector.subarray(at, at + length));
    at += length;
    return tensor(part, { shape, dtype, device });
  });
}
