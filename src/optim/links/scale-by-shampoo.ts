/** Shampoo's direction: gradients between the inverse roots of their second moments along each axis. */
import { cond, type Tensor, tensor, where } from "../../engine/tensor/index.ts";
import { ConfigError, flattenTree, optionNames, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { gramAlong, timesAlong } from "../linalg/axes.ts";
import { blocksOf, joinBlocks } from "../linalg/blocks.ts";
import { inversePthRoot } from "../linalg/index.ts";
import { deviceOfTree, mapTensors, type Optimizer, type TensorTree, zerosOf } from "../optimizer.ts";
import { checkRange, checkWhole } from "../range.ts";
import { zeroOn } from "./means.ts";

/** Whose lengths the updates have. */
export type Grafting = "sgd" | "adagrad" | "rmsprop";
const graftings: readonly Grafting[] = ["sgd", "adagrad", "rmsprop"];

export interface ScaleByShampooOptions {
  /** Decay of the statistics; 1 sums them, as the first paper does. Default 0.999. */
  readonly beta2?: Hyper;
  /** Longer axes are cut into blocks, each with its own statistics. Default 128. */
  readonly blockSize?: number;
  /** Steps from one computation of the roots to the next. Default 10. */
  readonly every?: number;
  /** The first step whose update is Shampoo's, from 0; before, it is that of `grafting`. Default 5. */
  readonly start?: number;
  /** Default "rmsprop". */
  readonly grafting?: Grafting;
  /** Added to eigenvalues before the root, as a part of the largest. Default 1e-6. */
  readonly ridge?: number;
  /** The statistics begin as this times I. Default 1e-6. */
  readonly matrixEpsilon?: number;
  /** Added to the root of grafting. Default 1e-10. */
  readonly diagonalEpsilon?: Hyper;
}

export const shampooLinkOptions = optionNames<ScaleByShampooOptions>({
  beta2: true,
  blockSize: true,
  every: true,
  start: true,
  grafting: true,
  ridge: true,
  matrixEpsilon: true,
  diagonalEpsilon: true,
});

/** By axis, of each block of each parameter. */
type Matrices = readonly (readonly Tensor[])[][];

type ShampooState = HyperState & {
  readonly statistics: Matrices;
  readonly roots: Matrices;
  /** Of squares, for grafting; absent for "sgd". */
  readonly diagonal?: TensorTree;
  /** Steps taken, i32. */
  readonly taken: Tensor;
};

/**
 * For a block G of a parameter of k axes, G_i being it unfolded along axis i: L_i <- b2 L_i + (1 - b2) G_i G_i^T (with beta2 1: L_i + G_i G_i^T);
 * every `every` steps R_i <- (L_i + ridge lambda_max I)^(-1/2k); P = G times every R_i along its axis. The blocks of a parameter together
 * are then scaled to the length of the grafted update: g, or g / (sqrt(d) + diagonalEpsilon) with d the sum (adagrad) or the mean with
 * beta2 (rmsprop) of g^2. In steps before `start` the update is the grafted one.
 *
 * Follows Google's distributed Shampoo (scalable_shampoo), without its merging of small axes; scalars are left as grafting has them.
 * State: for each block 8 n^2 bytes for every axis of n, and 4 bytes per f32 parameter unless grafting is "sgd".
 * Gupta, Koren and Singer, "Shampoo: preconditioned stochastic tensor optimization", 2018; Anil et al. 2020.
 * @throws ConfigError for values out of range and for an unknown grafting.
 */
export function scaleByShampoo(options: ScaleByShampooOptions = {}): Optimizer<ShampooState> {
  const { beta2 = 0.999, blockSize = 128, every = 10, start = 5, grafting = "rmsprop" } = options;
  const { ridge = 1e-6, matrixEpsilon = 1e-6, diagonalEpsilon = 1e-10 } = options;
  const op = "scaleByShampoo";
  rejectUnknown(op, options, shampooLinkOptions);
  checkWhole(op, "blockSize", blockSize, 1);
  checkWhole(op, "every", every, 1);
  checkWhole(op, "start", start, 0);
  checkRange(op, "ridge", ridge, { above: 0 });
  checkRange(op, "matrixEpsilon", matrixEpsilon, { min: 0 });
  if (!graftings.includes(grafting)) {
    throw new ConfigError(`${op}: grafting must be one of ${graftings.join(", ")}; got ${grafting}.`);
  }
  const hyper = hyperSet(
    op,
    { beta2: [beta2, { above: 0, max: 1 }], diagonalEpsilon: [diagonalEpsilon, { min: 0 }] },
    ["beta2"],
  );
  const identities = (params: TensorTree, factor: number): Matrices =>
    (flattenTree(params).leaves as Tensor[]).map((leaf) =>
      blocksOf(leaf, blockSize).map(({ shape, device }) =>
        shape.map((size) => identity(size, factor, device)),
      ),
    );
  return {
    traits: { name: op, stage: "direction", schedules: hyper.schedules },
    init(params) {
      const device = deviceOfTree(op, params);
      const state = {
        ...hyper.init(device),
        statistics: identities(params, matrixEpsilon),
        roots: identities(params, 1),
        taken: zeroOn(device, "i32"),
      };
      return grafting === "sgd" ? state : { ...state, diagonal: zerosOf(op, params) };
    },
    update(grads, state) {
      const now = hyper.at(state);
      const share = where(now.complement("beta2").eq(0), 1, now.complement("beta2"));
      const blocks = (flattenTree(grads).leaves as Tensor[]).map((g) => blocksOf(g, blockSize));
      const statistics = state.statistics.map((ofLeaf, leaf) =>
        ofLeaf.map((all, block) => {
          const g = (blocks[leaf] as Tensor[])[block] as Tensor;
          return all.map((l, axis) => l.mul(now.value("beta2")).add(gramAlong(g, axis).mul(share)));
        }),
      );
      const roots = cond(
        state.taken.remainder(every).eq(0),
        () =>
          statistics.map((ofLeaf) =>
            ofLeaf.map((all) => all.map((l) => inversePthRoot(l, 2 * all.length, { ridge }))),
          ),
        state.roots,
      );

      const [keep, add] = grafting === "adagrad" ? [1, 1] : [now.value("beta2"), share];
      const diagonal =
        state.diagonal &&
        mapTensors(op, (g, d) => d.mul(keep).add(g.square().mul(add)), grads, state.diagonal);
      const grafted =
        diagonal === undefined
          ? grads
          : mapTensors(
              op,
              (g, d) => g.div((d as Tensor).sqrt().add(now.value("diagonalEpsilon"))),
              grads,
              diagonal,
            );
      let leaf = 0;
      const starts = state.taken.ge(start);
      const updates = mapTensors(
        op,
        (g, direct) => {
          const [own, matrices] = [blocks[leaf] as Tensor[], roots[leaf++] as (readonly Tensor[])[]];
          if (g.ndim === 0) return direct as Tensor;
          const turned = own.map((block, at) =>
            (matrices[at] as readonly Tensor[]).reduce((x, root, axis) => timesAlong(x, axis, root), block),
          );
          const whole = joinBlocks(turned, g.shape, blockSize);
          return where(starts, whole.mul(ratioOf(direct as Tensor, whole)), direct as Tensor);
        },
        grads,
        grafted,
      );
      const next = { ...now.next, statistics, roots, taken: state.taken.add(1) };
      return [updates, diagonal === undefined ? next : { ...next, diagonal }];
    },
  };
}

/** |a| / |b|, or 1 where b is 0. */
function ratioOf(a: Tensor, b: Tensor): Tensor {
  const [length, other] = [a.square().sum().sqrt(), b.square().sum().sqrt()];
  return where(other.gt(0), length.div(where(other.gt(0), other, 1)), 1);
}

/** Fresh memory, so that it can be donated. */
function identity(size: number, factor: number, device: string): Tensor {
  const values = new Float32Array(size * size);
  for (let i = 0; i < size; i++) values[i * size + i] = factor;
  return tensor(values, { shape: [size, size], device });
}
