/** lbfgs: a quasi-Newton method for losses of the whole data. */
import { concat, jit, type Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, flattenTree, mapTree, optionNames, rejectUnknown } from "../../util/index.ts";
import { deviceOfTree, type TensorTree } from "../optimizer.ts";
import { checkRange, checkWhole } from "../range.ts";
import { direction, type Pair } from "./direction.ts";
import { type Probe, wolfeSearch } from "./line-search.ts";

export interface LbfgsOptions {
  /** Default 100. */
  readonly maxIterations?: number;
  /** Steps remembered; each takes 8 bytes per f32 parameter. Default 10. */
  readonly historySize?: number;
  /** Ends when no element of the gradient is larger. Default 1e-5; rounding in f32 seldom lets it get much smaller. */
  readonly gradientTolerance?: number;
  /** Ends when the loss falls by less than this part of it. Default 1e-9. */
  readonly lossTolerance?: number;
  /** "wolfe" (default) searches along each direction; "none" takes it times `learningRate`. */
  readonly lineSearch?: "wolfe" | "none";
  /** The first step tried. Default 1. */
  readonly learningRate?: number;
  /** Evaluations of one search. Default 25. */
  readonly maxEvaluations?: number;
  /** Aborting it ends after the iteration under way. */
  readonly signal?: AbortSignal;
  readonly onIteration?: (state: { iteration: number; loss: number; gradient: number }) => void;
}

const lbfgsOptions = optionNames<LbfgsOptions>({
  maxIterations: true,
  historySize: true,
  gradientTolerance: true,
  lossTolerance: true,
  lineSearch: true,
  learningRate: true,
  maxEvaluations: true,
  signal: true,
  onIteration: true,
});

export interface LbfgsResult<P> {
  readonly params: P;
  readonly loss: number;
  /** Largest element of the gradient. */
  readonly gradient: number;
  readonly iterations: number;
  /** Of the loss and its gradient. */
  readonly evaluations: number;
  readonly reason: "gradient" | "loss" | "iterations" | "search" | "interrupted";
}

interface Point {
  readonly x: Tensor;
  readonly gradient: Tensor;
}

/**
 * d = -H g with H from the last `historySize` steps; p <- p + t d with t by a strong Wolfe line search (decrease 1e-4, curvature 0.9).
 *
 * For losses of all the data, not of changing batches: a few ten thousand rows, or parameters fitted to a formula. It then needs tens of
 * evaluations where first-order methods need thousands. `fn` is called again and again: compile it. A loss that becomes NaN or infinite
 * on the way makes a step shorter. Ends with the reason: the gradient is small, the loss no longer falls, the iterations are done, no
 * step lowers the loss (as rounding ends it), or the signal.
 * Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989; PyTorch's `LBFGS`.
 * @throws ConfigError for values out of range, and when the loss at the start is not finite.
 * @example const { params } = await lbfgs(jit(valueAndGrad(lossOf)), model.parameters(), { maxIterations: 200 });
 */
export async function lbfgs<P extends TensorTree>(
  fn: (params: P) => readonly [loss: Tensor, grads: P],
  params: P,
  options: LbfgsOptions = {},
): Promise<LbfgsResult<P>> {
  rejectUnknown("lbfgs", options, lbfgsOptions);
  const { maxIterations = 100, historySize = 10, gradientTolerance = 1e-5, lossTolerance = 1e-9 } = options;
  const { lineSearch = "wolfe", learningRate = 1, maxEvaluations = 25, signal, onIteration } = options;
  deviceOfTree("lbfgs", params);
  for (const [name, value] of Object.entries({ maxIterations, historySize, maxEvaluations })) {
    checkWhole("lbfgs", name, value, 1);
  }
  checkRange("lbfgs", "gradientTolerance", gradientTolerance, { min: 0 });
  checkRange("lbfgs", "lossTolerance", lossTolerance, { min: 0 });
  checkRange("lbfgs", "learningRate", learningRate, { above: 0 });

  let evaluations = 0;
  const unflatten = unflattenLike(params);
  const directionOf = jit(direction);
  const largest = (v: Tensor): Promise<number> => v.abs().max().item();
  /** The loss at a point, its slope along d, and the gradient. */
  const probe = async (x: Tensor, d: Tensor | null, step: number): Promise<Probe<Point>> => {
    evaluations++;
    const [loss, grads] = fn(unflatten(x));
    const gradient = flatten(grads);
    const slope = d === null ? null : gradient.mul(d).sum();
    const [value, along] = await Promise.all([loss.item(), slope?.item() ?? 0]);
    return { step, loss: value, slope: along, point: { x, gradient } };
  };

  let now = await probe(flatten(params), null, 0);
  if (!Number.isFinite(now.loss)) {
    throw new ConfigError(`lbfgs: the loss must be finite at the start; got ${now.loss}.`);
  }
  let gradient = await largest(now.point.gradient);
  let pairs: Pair[] = [];
  let iteration = 0;
  const end = (reason: LbfgsResult<P>["reason"]): LbfgsResult<P> => ({
    params: unflatten(now.point.x),
    loss: now.loss,
    gradient,
    iterations: iteration,
    evaluations,
    reason,
  });
  for (;;) {
    if (gradient <= gradientTolerance) return end("gradient");
    if (iteration === maxIterations) return end("iterations");
    if (signal?.aborted) return end("interrupted");
    const d = directionOf(now.point.gradient, pairs);
    const slope = await now.point.gradient.mul(d).sum().item();
    // Rounding can turn the direction uphill: then what is remembered is of no use.
    if (!(slope < 0)) {
      if (pairs.length === 0) return end("search");
      pairs = [];
      continue;
    }
    // The first direction is the gradient, whose length says nothing.
    const first = pairs.length > 0 ? 1 : Math.min(1, 1 / (await now.point.gradient.abs().sum().item()));
    const at = (step: number) => probe(now.point.x.add(d.mul(step)), d, step);
    const start = { ...now, step: 0, slope };
    const next =
      lineSearch === "none"
        ? await at(first * learningRate)
        : await wolfeSearch(start, first * learningRate, at, {
            decrease: 1e-4,
            curvature: 0.9,
            evaluations: maxEvaluations,
            slack: 1e-7 * Math.abs(now.loss), // of f32
          });
    if (next === null || !Number.isFinite(next.loss)) {
      if (pairs.length === 0) return end("search");
      pairs = [];
      continue;
    }
    const pair = { step: next.point.x.sub(now.point.x), change: next.point.gradient.sub(now.point.gradient) };
    // Curvature must be positive for H to stay so.
    if ((await pair.step.mul(pair.change).sum().item()) > 1e-10) pairs = [...pairs, pair].slice(-historySize);
    const fall = now.loss - next.loss;
    now = next;
    gradient = await largest(now.point.gradient);
    iteration++;
    onIteration?.({ iteration, loss: now.loss, gradient });
    if (lineSearch === "wolfe" && fall <= lossTolerance * Math.abs(now.loss)) return end("loss");
  }
}

const flatten = (tree: TensorTree): Tensor =>
  concat((flattenTree(tree).leaves as Tensor[]).map((leaf) => leaf.reshape([leaf.size])));

/** From a vector back to the tree. */
function unflattenLike<P extends TensorTree>(tree: P): (x: Tensor) => P {
  return (x) => {
    let at = 0;
    return mapTree<P>(tree, (leaf) => {
      const { shape, size } = leaf as Tensor;
      const part = x.slice([at, at + size]).reshape(shape);
      at += size;
      return part;
    });
  };
}
