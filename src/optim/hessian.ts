/** Estimates of the diagonal of the loss's Hessian. */
import { grad } from "../engine/autodiff/index.ts";
import { random, type Tensor, where } from "../engine/tensor/index.ts";
import { ConfigError, flattenTree } from "../util/index.ts";
import { mapTensors, type TensorTree } from "./optimizer.ts";
import { checkRange } from "./range.ts";
import type { StepContext } from "./step-context.ts";

/** An estimate of the diagonal, from the parameters and the step's context; in the structure of the parameters. */
export type HessianEstimator = (params: TensorTree, at: StepContext) => TensorTree;

/**
 * v * (H v), with H the Hessian of `lossAt` at `params`: two backward passes. For v of independent random signs its expectation is
 * the diagonal of H. Bekas, Kokiopoulou and Saad, "An estimator for the diagonal of a matrix", 2007.
 */
export function hessianTimes(
  lossAt: (params: TensorTree) => Tensor,
  params: TensorTree,
  v: TensorTree,
): TensorTree {
  const along = (at: TensorTree): Tensor => {
    const products = mapTensors("hessianTimes", (g, d) => g.mul(d as Tensor).sum(), grad(lossAt)(at), v);
    return (flattenTree(products).leaves as Tensor[]).reduce((sum, next) => sum.add(next));
  };
  return mapTensors("hessianTimes", (h, d) => h.mul(d as Tensor), grad(along)(params), v);
}

/** Hutchinson's estimate, with signs drawn from the step's key. */
export const hutchinson: HessianEstimator = (params, { lossAt, key }) => {
  let leaf = 0;
  const signs = mapTensors(
    "hutchinson",
    ({ shape }) => where(random.bernoulli(random.foldIn(key, leaf++), shape), 1, -1),
    params,
  );
  return hessianTimes(lossAt, params, signs);
};

/**
 * The estimate of Gauss, Newton and Bartlett, batchSize * g^2, with g the gradient of the mean loss for labels drawn from the model's own
 * predictions, which the context must have as `sampledLossAt`: one backward pass, and never negative. Liu et al. 2023, algorithm 2.
 * @throws ConfigError unless batchSize is at least 1 and, in a step, for a context without `sampledLossAt`.
 * @example sophia(1e-3, { hessian: gaussNewtonBartlett(480) });
 */
export function gaussNewtonBartlett(batchSize: number): HessianEstimator {
  checkRange("gaussNewtonBartlett", "batchSize", batchSize, { min: 1 });
  return (params, { sampledLossAt }) => {
    if (sampledLossAt === undefined) {
      throw new ConfigError(
        "gaussNewtonBartlett: the step's context must have sampledLossAt; got none. Add the loss for labels drawn from the logits: { ...at, sampledLossAt: (params) => crossEntropy(logits, random.categorical(key, logits)) }.",
      );
    }
    return mapTensors("gaussNewtonBartlett", (g) => g.square().mul(batchSize), grad(sampledLossAt)(params));
  };
}
