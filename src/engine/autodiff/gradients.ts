/** Gradients of a loss by tensors it was computed from. */
import { DTypeError, ShapeError, UnsupportedError } from "../../util/index.ts";
import { formatAval, isFloat, type Node } from "../ir/index.ts";
import { backward, build } from "../ops/index.ts";
import { withoutDebt } from "../runtime/index.ts";
import { Tensor, zerosLike } from "../tensor/index.ts";

/** Throws unless `loss` is a scalar f32. */
export function requireScalar(op: string, loss: unknown): asserts loss is Tensor {
  if (!(loss instanceof Tensor)) {
    throw new ShapeError(
      `${op}: the loss must be a tensor f32[]; got ${loss === null ? "null" : typeof loss}.`,
    );
  }
  if (loss.ndim !== 0) {
    throw new ShapeError(
      `${op}: the loss must be a scalar f32[]; got ${formatAval(loss.node.aval)}. Reduce it with .mean() or .sum().`,
    );
  }
  if (loss.dtype !== "f32") {
    throw new DTypeError(
      `${op}: the loss must be f32[]; got ${formatAval(loss.node.aval)}. Cast with .astype("f32").`,
    );
  }
}

/** Throws where a derivative by `x` makes no sense. */
export function requireFloat(op: string, x: Tensor, place: string): void {
  if (x.dtype === "f32") return;
  throw new DTypeError(
    `${op}: only f32 has derivatives; got ${formatAval(x.node.aval)}${place}. Leave it out of the differentiated arguments.`,
  );
}

/** Gradient tensors; zeros where the output does not depend on the input. */
export function backwardOrZeros(
  outs: readonly Tensor[],
  cotangents: readonly Tensor[],
  wrt: readonly Tensor[],
): Tensor[] {
  const grads = withoutDebt(() =>
    backward(
      outs.map((out) => out.node),
      cotangents.map((g) => g.node),
      wrt.map((x) => x.node),
    ),
  );
  return grads.map((grad, i) => (grad === null ? zerosLike(wrt[i] as Tensor) : new Tensor(grad)));
}

/**
 * d loss / d x for each x of `wrt`, in its shape; zeros where the loss does not depend on it.
 * Nothing between `wrt` and the loss may have been read: reading drops the graph behind a value.
 * @throws ShapeError, DTypeError unless the loss is f32[] and each x f32; UnsupportedError when the way was cut by a read.
 * @example const [dw] = gradients(model(w).square().mean(), [w]);
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  requireScalar("gradients", loss);
  wrt.forEach((x, i) => {
    requireFloat("gradients", x, ` as wrt[${i}]`);
  });
  requireWhole(loss.node, wrt);
  return backwardOrZeros([loss], [new Tensor(build.scalar(1))], wrt);
}

/** A value that was computed has lost its graph; if it is younger than an x, the way may have been cut there. */
function requireWhole(loss: Node, wrt: readonly Tensor[]): void {
  const targets = new Set(wrt.map((x) => x.node));
  const oldest = Math.min(...wrt.map((x) => x.node.id));
  const seen = new Set<Node>();
  const stack = [loss];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (
      node.value !== null &&
      node.op !== "input" &&
      isFloat(node.aval.dtype) &&
      !targets.has(node) &&
      node.id > oldest
    ) {
      throw new UnsupportedError(
        `gradients: nothing between wrt and the loss may have been read, for that drops the graph behind it; got ${formatAval(node.aval)} (${node.op}). Take gradients before reading, use grad(fn), or pass constants through stopGradient.`,
      );
    }
    if (node.op !== "stopGradient") stack.push(...node.src);
  }
}
