/** grad and valueAndGrad: a function to the function of its derivatives. */
import { ConfigError, flattenTree, mapTree, ShapeError } from "../../util/index.ts";
import { rawNode } from "../ir/index.ts";
import { build } from "../ops/index.ts";
import { withoutDebt } from "../runtime/index.ts";
import { Tensor } from "../tensor/index.ts";
import { backwardOrZeros, requireFloat, requireScalar } from "./gradients.ts";

export interface GradOptions<Argnums extends number | readonly number[] = number> {
  /** Which arguments to differentiate by; a list gives a list of gradients. Default 0. */
  readonly argnums?: Argnums;
}

export interface ValueAndGradOptions<
  HasAux extends boolean = boolean,
  Argnums extends number | readonly number[] = number,
> extends GradOptions<Argnums> {
  /** The function returns `[loss, aux]`; aux is any tree that is passed on without a gradient. */
  readonly hasAux?: HasAux;
}

// biome-ignore lint/suspicious/noExplicitAny: any function over trees can be differentiated; its own types stay those of the caller
type AnyFunction = (...args: any[]) => unknown;

/** The type of the gradients: that of the argument, or a list of several arguments' types. */
export type GradOf<F extends AnyFunction, Argnums> = Argnums extends number
  ? Parameters<F>[Argnums]
  : { [K in keyof Argnums]: Argnums[K] extends number ? Parameters<F>[Argnums[K]] : never };

/** The same value as a node of its own. */
export const alias = (x: Tensor): Tensor => new Tensor(rawNode("reshape", [x.node], x.node.aval, {}));

/** Each tensor of the tree as a node of its own, so that only the way through this argument counts. */
export function asVariables<T>(op: string, tree: T, place: string, variables: Tensor[]): T {
  return mapTree<T>(tree, (leaf, path) => {
    const at = ` in ${place}${path === "" ? "" : ` at ${path}`}`;
    if (typeof leaf === "number") {
      throw new ConfigError(
        `${op}: only tensors are differentiated; got the number ${leaf}${at}. Wrap it in tensor(...).`,
      );
    }
    if (!(leaf instanceof Tensor)) return leaf;
    requireFloat(op, leaf, at);
    const variable = alias(leaf);
    variables.push(variable);
    return variable;
  });
}

/**
 * The function that gives `[fn(...args), gradients]`, the gradients in the tree structure of the differentiated argument.
 * Leaves of that argument that are not tensors come back as they are; a tensor that does not influence the loss gets zeros.
 * @param fn returns a scalar f32, or `[loss, aux]` with `hasAux`.
 * @throws ShapeError, DTypeError unless the loss is f32[] and the differentiated tensors are f32; ConfigError for numbers among them.
 * @example
 * const [loss, g] = valueAndGrad((p: { w: Tensor }, x: Tensor) => x.matmul(p.w).square().mean())({ w }, x);
 */
export function valueAndGrad<F extends AnyFunction, const Argnums extends number | readonly number[] = 0>(
  fn: F,
  options: ValueAndGradOptions<boolean, Argnums> = {},
): (...args: Parameters<F>) => [value: ReturnType<F>, grads: GradOf<F, Argnums>] {
  const { argnums = 0 as Argnums, hasAux = false } = options;
  const positions: readonly number[] = typeof argnums === "number" ? [argnums] : argnums;
  return (...args) => {
    const variables: Tensor[] = [];
    const given: unknown[] = [...args];
    const templates = positions.map((position) => {
      if (!Number.isInteger(position) || position < 0 || position >= args.length) {
        throw new ConfigError(
          `grad: argnums must name arguments; got ${position} for a call with ${args.length}.`,
        );
      }
      given[position] = asVariables("grad", given[position], `argument ${position}`, variables);
      return given[position];
    });
    // Reading or realising inside would cut the graph.
    const result = withoutDebt(() => fn(...given)) as ReturnType<F>;
    const loss = hasAux ? lossOf(result) : result;
    requireScalar("grad", loss);
    const grads = backwardOrZeros([loss], [new Tensor(build.scalar(1))], variables);
    const found = new Map(variables.map((variable, i) => [variable, grads[i] as Tensor]));
    const trees = templates.map((template) =>
      mapTree(template, (leaf) => (leaf instanceof Tensor ? found.get(leaf) : leaf)),
    );
    return [result, (typeof argnums === "number" ? trees[0] : trees) as GradOf<F, Argnums>];
  };
}

function lossOf(result: unknown): unknown {
  if (Array.isArray(result) && result.length === 2) return result[0];
  throw new ShapeError("grad: with hasAux the function must return [loss, aux].");
}

/**
 * The function that gives the gradients alone; see `valueAndGrad`.
 * Applied twice it gives second derivatives: gradients are graphs like any other.
 * @example const dw = grad((w: Tensor) => w.square().sum())(w); // 2 w
 */
export function grad<F extends AnyFunction, const Argnums extends number | readonly number[] = 0>(
  fn: F,
  options: ValueAndGradOptions<boolean, Argnums> = {},
): (...args: Parameters<F>) => GradOf<F, Argnums> {
  const both = valueAndGrad<F, Argnums>(fn, options);
  return (...args) => both(...args)[1];
}

/** The tensors of a tree, all others left out. */
export const tensorsOf = (tree: unknown): Tensor[] =>
  flattenTree(tree).leaves.filter((leaf) => leaf instanceof Tensor);
