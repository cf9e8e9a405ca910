/** The direction of L-BFGS: the inverse of a Hessian, known by the last steps, times the gradient. */
import type { Tensor } from "../../engine/tensor/index.ts";

/** A step and what it changed in the gradient, as vectors. */
export interface Pair {
  readonly step: Tensor;
  readonly change: Tensor;
}

const dot = (a: Tensor, b: Tensor): Tensor => a.mul(b).sum();

/** -H g by the two loops of Nocedal, "Updating quasi-Newton matrices with limited storage", 1980; `pairs` from the oldest. */
export function direction(gradient: Tensor, pairs: readonly Pair[]): Tensor {
  let q = gradient;
  const seen: { pair: Pair; rho: Tensor; alpha: Tensor }[] = [];
  for (const pair of [...pairs].reverse()) {
    const rho = dot(pair.step, pair.change).reciprocal();
    const alpha = rho.mul(dot(pair.step, q));
    q = q.sub(pair.change.mul(alpha));
    seen.push({ pair, rho, alpha });
  }
  const [newest] = seen;
  if (newest !== undefined) {
    const { change } = newest.pair;
    q = q.div(newest.rho.mul(dot(change, change)));
  }
  for (const { pair, rho, alpha } of seen.reverse()) {
    const beta = rho.mul(dot(pair.change, q));
    q = q.add(pair.step.mul(alpha.sub(beta)));
  }
  return q.neg();
}
