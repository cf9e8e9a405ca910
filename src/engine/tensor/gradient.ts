/** Control over derivatives: gradients of one's own, and recomputing instead of remembering. */
import { flattenTree, mapTree, ShapeError } from "../../util/index.ts";
import { type CompositeVjp, formatAval } from "../ir/index.ts";
import { asTensor, castTo, expandTo } from "./apply.ts";
import { composite } from "./composite.ts";
import { Tensor, type TensorLike } from "./tensor.ts";

/**
 * `fn` with the gradient `vjp(g, inputs, output)`: one tensor per input in its shape, or null for none.
 * g is the gradient with respect to the output. Tensors `fn` captures from outside get no gradient: pass them as inputs.
 * @throws ShapeError when a gradient has not its input's shape.
 * @example
 * const straightThrough = customGradient((x) => x.round(), (g) => [g]);
 */
export function customGradient(
  fn: (...inputs: Tensor[]) => Tensor,
  vjp: (g: Tensor, inputs: readonly Tensor[], output: Tensor) => readonly (TensorLike | null)[],
  name = fn.name || "customGradient",
): (...inputs: TensorLike[]) => Tensor {
  const rule: CompositeVjp = ([g], inputs, [output]) => {
    if (!g || !output) return inputs.map(() => null);
    const tensors = inputs.map((input) => new Tensor(input));
    const grads = vjp(new Tensor(g), tensors, new Tensor(output));
    if (grads.length !== inputs.length) {
      throw new ShapeError(
        `${name}: its gradient must have one entry per input (${inputs.length}); got ${grads.length}.`,
      );
    }
    return grads.map((grad, i) => (grad === null ? null : spread(name, grad, tensors[i] as Tensor).node));
  };
  const run = (...inputs: TensorLike[]): Tensor => {
    const [result] = composite(inputs.map(asTensor), (params) => [fn(...params)], { name, vjp: rule });
    return result as Tensor;
  };
  return Object.defineProperty(run, "name", { value: name });
}

/** A gradient in its input's shape; scalars spread. */
function spread(name: string, grad: TensorLike, input: Tensor): Tensor {
  const tensor = castTo(asTensor(grad), input.dtype);
  if (tensor.ndim !== 0 && formatAval(tensor.node.aval) !== formatAval(input.node.aval)) {
    throw new ShapeError(
      `${name}: a gradient must have its input's shape; got ${formatAval(tensor.node.aval)} for ${formatAval(input.node.aval)}.`,
    );
  }
  return expandTo(tensor, input.shape);
}

/**
 * `fn`, whose intermediates are not kept for the backward pass but computed again there: memory for time.
 * Arguments and result are trees of tensors; other leaves pass through.
 * @example const block = checkpoint((x: Tensor) => x.matmul(w1).relu().matmul(w2));
 * @see Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016.
 */
export function checkpoint<Args extends unknown[], R>(fn: (...args: Args) => R): (...args: Args) => R {
  return (...args) => {
    const inputs = flattenTree(args).leaves.filter((leaf) => leaf instanceof Tensor);
    let template: unknown = null;
    const outs = composite(
      inputs,
      (params) => {
        let next = 0;
        const result = fn(...mapTree<Args>(args, (leaf) => (leaf instanceof Tensor ? params[next++] : leaf)));
        template = result;
        return flattenTree(result).leaves.filter((leaf) => leaf instanceof Tensor);
      },
      { name: "checkpoint", recompute: true },
    );
    let next = 0;
    return mapTree<R>(template, (leaf) => (leaf instanceof Tensor ? outs[next++] : leaf));
  };
}
