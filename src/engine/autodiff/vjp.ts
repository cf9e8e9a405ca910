/** Products with the derivative: vjp, jacobian, hessian. */
import { flattenTree, mapTree, ShapeError } from "../../util/index.ts";
import { formatAval } from "../ir/index.ts";
import { build } from "../ops/index.ts";
import { withoutDebt } from "../runtime/index.ts";
import { oneHot, reshape, stack, Tensor } from "../tensor/index.ts";
import { alias, asVariables, grad, tensorsOf } from "./grad.ts";
import { backwardOrZeros, requireFloat } from "./gradients.ts";

/**
 * `[fn(...primals), pullback]`: the pullback takes a tree of cotangents in the structure of the result and gives the list of
 * vector-Jacobian products, one tree per argument.
 * @throws ShapeError when a cotangent has not its result's shape.
 * @example const [y, pullback] = vjp((x: Tensor) => x.square(), x); const [dx] = pullback(onesLike(y));
 */
export function vjp<Args extends unknown[], R>(
  fn: (...args: Args) => R,
  ...primals: Args
): [result: R, pullback: (cotangents: R) => Args] {
  const variables: Tensor[] = [];
  const args = primals.map((arg, i) => asVariables("vjp", arg, `argument ${i}`, variables)) as Args;
  const result = withoutDebt(() => fn(...args));
  const outs = tensorsOf(result);
  // Handed out under other nodes: reading a result must not drop the graph that the pullback needs.
  const handed = mapTree<R>(result, (leaf) => (leaf instanceof Tensor ? alias(leaf) : leaf));
  const pullback = (cotangents: R): Args => {
    const given = tensorsOf(cotangents);
    const fits = given.length === outs.length && given.every((g, i) => sameKind(g, outs[i] as Tensor));
    if (!fits || flattenTree(cotangents).structure !== flattenTree(result).structure) {
      const list = (tensors: readonly Tensor[]) => tensors.map((x) => formatAval(x.node.aval)).join(", ");
      throw new ShapeError(
        `vjp: cotangents must have the result's structure; got ${list(given)} for ${list(outs)}.`,
      );
    }
    const grads = backwardOrZeros(outs, given, variables);
    const found = new Map(variables.map((variable, i) => [variable, grads[i] as Tensor]));
    return args.map((arg) =>
      mapTree(arg, (leaf) => (leaf instanceof Tensor ? found.get(leaf) : leaf)),
    ) as Args;
  };
  return [handed, pullback];
}

const sameKind = (a: Tensor, b: Tensor): boolean => formatAval(a.node.aval) === formatAval(b.node.aval);

/**
 * The function that gives all partial derivatives: f32[...out, ...in] of fn: f32[...in] -> f32[...out].
 * One backward pass per element of the result, so for small ones.
 */
export function jacobian(fn: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  return (x) => {
    requireFloat("jacobian", x, "");
    const [y, pullback] = vjp(fn, x);
    const rows = Array.from({ length: y.size }, (_, i) => {
      const basis = reshape(oneHot(new Tensor(build.scalar(i, "i32")), y.size), y.shape);
      return pullback(basis)[0];
    });
    const shape = [...y.shape, ...x.shape];
    return rows.length === 0 ? new Tensor(build.full(shape, 0)) : reshape(stack(rows), shape);
  };
}

/** The function that gives all second derivatives, f32[...in, ...in], of a scalar function; for small inputs. */
export function hessian(fn: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  const first = grad(fn);
  return jacobian(first);
}

/**
 * The function (x, v) that gives the product of the second derivatives at x with v, in the time of two gradients.
 * @see Pearlmutter, "Fast Exact Multiplication by the Hessian", 1994.
 */
export function hessianVectorProduct(fn: (x: Tensor) => Tensor): (x: Tensor, v: Tensor) => Tensor {
  const first = grad(fn);
  return (x, v) => grad((at: Tensor) => first(at).mul(v).sum())(x);
}
