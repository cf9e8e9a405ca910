/** Attention over tensors whose heads lie inside of time, [batch, time, heads, width], as projections give them. */
import type { CompositeVjp, Node } from "../../engine/ir/index.ts";
import {
  arange,
  composite,
  exp,
  log,
  logicalAnd,
  stopGradient,
  Tensor,
  where,
  zerosLike,
} from "../../engine/tensor/index.ts";

/** q [batch, queries, heads, width], k [batch, keys, groups, width], v [batch, keys, groups, valueWidth]; groups divides heads. */
export interface Heads {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

export interface AttendOptions {
  readonly scale: number;
  /** Query i sees keys 0 to i only. */
  readonly causal: boolean;
  /** bool: true where a query sees a key. Broadcasts to [batch, heads, queries, keys], each axis being there. */
  readonly visible: Tensor | null;
}

/** Everything as [batch, groups, heads per group, ...], products being batched over the first three. */
interface Grouped {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

const sizes = ({ q, k }: Heads) => {
  const [batch, queries, heads] = q.shape as [number, number, number];
  const [, keys, groups] = k.shape as [number, number, number];
  return { batch, queries, heads, keys, groups, each: heads / groups };
};

/** [batch, time, heads, ...] with heads = groups * each, as [batch, groups, each, time, ...]. */
function split(x: Tensor, groups: number): Tensor {
  const [batch, time, heads, ...rest] = x.shape as [number, number, number, ...number[]];
  const parted = x.reshape([batch, time, groups, heads / groups, ...rest]);
  return parted.permute([0, 2, 3, 1, ...rest.map((_, axis) => axis + 4)]);
}

/** The inverse. */
function join(x: Tensor): Tensor {
  const [batch, groups, each, time, ...rest] = x.shape as [number, number, number, number, ...number[]];
  return x
    .permute([0, 3, 1, 2, ...rest.map((_, axis) => axis + 4)])
    .reshape([batch, time, groups * each, ...rest]);
}

function grouped(heads: Heads): Grouped {
  const { groups, each } = sizes(heads);
  const spread = (x: Tensor) => {
    const [batch, keys, , width] = x.shape as [number, number, number, number];
    return split(x, groups).broadcastTo([batch, groups, each, keys, width]);
  };
  return { q: split(heads.q, groups), k: spread(heads.k), v: spread(heads.v) };
}

/** q k' * scale, -Infinity where a query does not see a key: [batch, groups, each, queries, keys]. */
function scores(heads: Heads, { q, k }: Grouped, { scale, causal, visible }: AttendOptions): Tensor {
  const { queries, keys, groups, each } = sizes(heads);
  const all = q.matmul(k.transpose()).mul(scale);
  const past = causal ? arange(queries).unsqueeze(-1).ge(arange(keys)) : null;
  const chosen = visible && groupedMask(visible, groups, each);
  const seen = past === null ? chosen : chosen === null ? past : logicalAnd(past, chosen);
  return seen === null ? all : where(seen, all, Number.NEGATIVE_INFINITY);
}

/** A mask [batch or 1, heads or 1, queries or 1, keys or 1] beside [batch, groups, each, queries, keys]. */
function groupedMask(mask: Tensor, groups: number, each: number): Tensor {
  const [batch, heads, queries, keys] = mask.shape as [number, number, number, number];
  return mask.reshape([batch, heads === 1 ? 1 : groups, heads === 1 ? 1 : each, queries, keys]);
}

/** Rows of scores as shares of 1, and the logarithm of their sum of exponentials; a row that sees nothing has shares of 0. */
function shares(score: Tensor): { shares: Tensor; logSum: Tensor } {
  const largest = stopGradient(score.max(-1, { keepDims: true }));
  const none = largest.eq(Number.NEGATIVE_INFINITY);
  const shift = where(none, 0, largest);
  const exponentials = exp(score.sub(shift));
  const sum = exponentials.sum(-1, { keepDims: true });
  // Where nothing is seen, exp(score - logSum) is to be 0.
  const logSum = where(none, Number.POSITIVE_INFINITY, log(where(none, 1, sum)).add(shift));
  return { shares: exponentials.div(where(none, 1, sum)), logSum };
}

/**
 * out[b, i, h] = sum over keys j of softmax over j (scale q[b, i, h] . k[b, j, g]) v[b, j, g], for the group g of the head h.
 * A composite named "attention" with results out and the logarithm of each row's sum of exponentials, from which its derivative,
 * "attention.backward", finds the shares again: neither needs the matrix of scores to be kept.
 * Dao et al., "FlashAttention: fast and memory-efficient exact attention with IO-awareness", 2022.
 */
export function attend(heads: Heads, options: AttendOptions): Tensor {
  const { q, k, v } = heads;
  const inputs = options.visible === null ? [q, k, v] : [q, k, v, options.visible];
  // What the bodies compute, for a device with a kernel: q, k, v and a mask, then logSum, delta and g.
  const params = { scale: options.scale, causal: options.causal, masked: options.visible !== null };
  const vjp: CompositeVjp = ([gOut, gLogSum], nodes, [out, logSum]) => {
    const tensors = nodes.map((node) => new Tensor(node));
    const [result, sums] = [new Tensor(out as Node), new Tensor(logSum as Node)];
    const g = gOut ? new Tensor(gOut) : zerosLike(result);
    const weight = g.mul(result).sum(-1);
    const delta = gLogSum ? weight.sub(new Tensor(gLogSum)) : weight;
    const grads = composite([...tensors, sums, delta, g], (all) => backward(all, options), {
      name: "attention.backward",
      params,
    });
    return nodes.map((_, i) => grads[i]?.node ?? null);
  };
  const [out] = composite(inputs, (all) => forward(all, options), { name: "attention", vjp, params });
  return out as Tensor;
}

export interface WeighedOptions extends AttendOptions {
  /** f32: added to the scores. Broadcasts as `visible` does. */
  readonly bias: Tensor | null;
  /** What becomes of the shares before they weigh the values. */
  readonly drop: (shares: Tensor) => Tensor;
}

/** The same where the shares themselves are needed: with a bias, which may have a gradient, or dropout of shares. */
export function attendWeighed(heads: Heads, options: WeighedOptions): Tensor {
  const { groups, each } = sizes(heads);
  const parts = grouped(heads);
  const plain = scores(heads, parts, options);
  const biased = options.bias === null ? plain : plain.add(groupedMask(options.bias, groups, each));
  return join(options.drop(shares(biased).shares).matmul(parts.v));
}

/** The operands of a composite as what they are. */
function operands(all: readonly Tensor[], { visible, ...rest }: AttendOptions) {
  const [q, k, v, mask] = all as [Tensor, Tensor, Tensor, Tensor];
  const options: AttendOptions = { ...rest, visible: visible && mask };
  return { heads: { q, k, v }, options, others: all.slice(visible === null ? 3 : 4) };
}

function forward(all: readonly Tensor[], given: AttendOptions): Tensor[] {
  const { heads, options } = operands(all, given);
  const parts = grouped(heads);
  const { shares: p, logSum } = shares(scores(heads, parts, options));
  return [join(p.matmul(parts.v)), join(logSum).squeeze(-1)]; // [batch, queries, heads, width], [batch, queries, heads]
}

/** From out's cotangent g, and delta = sum(g out) less the cotangent of logSum: the cotangents of q, k and v. */
function backward(all: readonly Tensor[], given: AttendOptions): Tensor[] {
  const { heads, options, others } = operands(all, given);
  const { groups } = sizes(heads);
  const [logSum, delta, g] = others.map((x) => split(x, groups)) as [Tensor, Tensor, Tensor];
  const parts = grouped(heads);
  const p = exp(scores(heads, parts, options).sub(logSum.unsqueeze(-1)));
  const ofShares = g.matmul(parts.v.transpose()).sub(delta.unsqueeze(-1));
  const ofScores = p.mul(ofShares).mul(options.scale);
  const summed = (x: Tensor) => join(x.sum(2, { keepDims: true })); // over the heads of a group
  return [
    join(ofScores.matmul(parts.k)),
    summed(ofScores.transpose().matmul(parts.q)),
    summed(p.transpose().matmul(g)),
  ];
}
