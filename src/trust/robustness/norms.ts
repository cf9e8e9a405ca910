/** The two norms that attacks stay within: where they begin, how they step and how far they may go. */
import { broadcastTo, random, type Tensor, where } from "../../engine/tensor/index.ts";
import { sizeOf } from "../../util/index.ts";

export const attackNorms = ["linf", "l2"] as const;
/** "linf": no element changes by more than epsilon; "l2": the root of the sum of squares of a row's changes is at most epsilon. */
export type AttackNorm = (typeof attackNorms)[number];

interface Ball {
  /** A step of length 1 uphill. */
  step(gradient: Tensor): Tensor;
  /** The change nearest to `change` within epsilon. */
  project(change: Tensor, epsilon: Tensor): Tensor;
  /** A change drawn evenly from within epsilon. */
  draw(key: Tensor, like: Tensor, epsilon: Tensor): Tensor;
}

/** The length of each row, spread to its shape; 1 for a row of zeros, which has no direction. */
function lengths(rows: Tensor): Tensor {
  // Scaled by the largest element: squares of small gradients would be 0 in f32.
  const largest = rows.flatten(1).abs().max(-1, { keepDims: true });
  const scale = where(largest.gt(0), largest, 1);
  const length = rows.flatten(1).div(scale).square().sum(-1, { keepDims: true }).sqrt().mul(scale);
  const safe = where(largest.gt(0), length, 1);
  return broadcastTo(safe.reshape([-1, ...rows.shape.slice(1).map(() => 1)]), rows.shape);
}

export const balls: Readonly<Record<AttackNorm, Ball>> = {
  linf: {
    step: (gradient) => gradient.sign(),
    project: (change, epsilon) => change.minimum(epsilon).maximum(epsilon.neg()),
    draw: (key, like, epsilon) => random.uniform(key, like.shape, { min: -1, max: 1 }).mul(epsilon),
  },
  l2: {
    step: (gradient) => gradient.div(lengths(gradient)),
    project: (change, epsilon) => change.mul(epsilon.div(lengths(change)).minimum(1)),
    draw(key, like, epsilon) {
      const [towards, far] = random.split(key) as [Tensor, Tensor];
      const way = random.normal(towards, like.shape);
      // In d dimensions the ball of radius r has r^d of the volume.
      const rows = [like.shape[0] as number, ...like.shape.slice(1).map(() => 1)];
      const radius = random.uniform(far, rows).pow(1 / sizeOf(like.shape.slice(1)));
      return way.div(lengths(way)).mul(radius).mul(epsilon);
    },
  },
};
