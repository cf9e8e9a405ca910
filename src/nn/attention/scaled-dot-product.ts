/** scaledDotProductAttention, with the signature of PyTorch's. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, DTypeError, formatShape, ShapeError } from "../../util/index.ts";
import { checkRate, drop } from "../dropout.ts";
import { attend, attendWeighed, type Heads } from "./attend.ts";

export interface AttentionOptions {
  /** Query i sees keys 0 to i only. Default false. */
  readonly causal?: boolean;
  /** bool: true where a query sees a key; or f32: added to the scores. Broadcasts to [..., heads, queries, keys]. */
  readonly mask?: Tensor;
  /** The share of weights set to 0, the others growing for it; needs a key. Default 0. A 0-d tensor may follow the step. */
  readonly dropout?: number | Tensor;
  /** Where dropout draws from. */
  readonly key?: Tensor;
  /** What products are multiplied by. Default 1 / sqrt(width). */
  readonly scale?: number;
}

/** For messages: f32[2,3]. */
const described = (x: Tensor): string => `${x.dtype}${formatShape(x.shape)}`;

/**
 * softmax(scale q k' + mask) v: for q [..., heads, queries, width], k [..., groups, keys, width] and v [..., groups, keys, valueWidth] gives
 * [..., heads, queries, valueWidth]. Groups, the heads of k and v, may be fewer than those of q if they divide them (grouped-query
 * attention). A query that sees no key gives 0. Boolean masks and causality need no memory for scores where the device has a kernel.
 * Vaswani et al., "Attention is all you need", 2017; Ainslie et al., "GQA", 2023.
 * @throws ShapeError when the shapes do not fit or the mask does not broadcast; ConfigError unless 0 <= dropout < 1, or for dropout
 * without a key; DTypeError for a mask that is neither bool nor f32.
 * @example const y = scaledDotProductAttention(q, k, v, { causal: true }); // [8,4,128,32] each
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): Tensor {
  const name = "scaledDotProductAttention";
  const got = `got q ${described(q)}, k ${described(k)}, v ${described(v)}`;
  const rank = q.ndim;
  const fits =
    rank >= 2 &&
    k.ndim === rank &&
    v.ndim === rank &&
    q.shape.at(-1) === k.shape.at(-1) &&
    formatShape(k.shape.slice(0, -1)) === formatShape(v.shape.slice(0, -1)) &&
    formatShape(q.shape.slice(0, -3)) === formatShape(k.shape.slice(0, -3));
  if (!fits) {
    throw new ShapeError(
      `${name}: q must be [..., heads, queries, width], k [..., groups, keys, width], v [..., groups, keys, valueWidth]; ${got}.`,
    );
  }
  const lead = q.shape.slice(0, -3);
  const batch = lead.reduce((product, size) => product * size, 1);
  const inside = (x: Tensor) => {
    const [heads = 1, time, width] = rank === 2 ? [1, ...x.shape] : x.shape.slice(-3);
    return x.reshape([batch, heads, time as number, width as number]).permute([0, 2, 1, 3]);
  };
  const heads = { q: inside(q), k: inside(k), v: inside(v) };
  const out = attention(name, heads, {
    ...options,
    mask: options.mask && fourAxes(name, options.mask, q, k),
  });
  return out.permute([0, 2, 1, 3]).reshape([...q.shape.slice(0, -1), v.shape.at(-1) as number]);
}

/** The mask as [batch or 1, heads or 1, queries or 1, keys or 1]. Throws ShapeError unless it broadcasts. */
function fourAxes(op: string, mask: Tensor, q: Tensor, k: Tensor): Tensor {
  const target = [...q.shape.slice(0, -1), k.shape.at(-2) as number];
  const shape = [...new Array<number>(Math.max(0, target.length - mask.ndim)).fill(1), ...mask.shape];
  if (shape.length !== target.length || !shape.every((size, axis) => size === 1 || size === target[axis])) {
    throw new ShapeError(`${op}: mask must broadcast to ${formatShape(target)}; got ${described(mask)}.`);
  }
  const lead = shape.slice(0, -3);
  const own = [...(target.length === 2 ? [1] : []), ...shape.slice(-3)];
  if (lead.every((size) => size === 1)) return mask.reshape([1, ...own]);
  const spread = mask.reshape(shape).broadcastTo([...target.slice(0, -3), ...own]);
  return spread.reshape([-1, ...own]);
}

/** Attention over [batch, time, heads, width]; the mask has four axes that broadcast to [batch, heads, queries, keys]. */
export function attention(label: string, heads: Heads, options: AttentionOptions): Tensor {
  const { causal = false, mask, dropout = 0, key, scale } = options;
  const [ofQ, ofK] = [heads.q.shape[2] as number, heads.k.shape[2] as number];
  if (ofK === 0 || ofQ % ofK !== 0) {
    throw new ShapeError(`${label}: the heads of k and v must divide those of q; got ${ofK} and ${ofQ}.`);
  }
  if (typeof dropout === "number") checkRate(label, dropout, "dropout");
  if (mask !== undefined && mask.dtype !== "bool" && mask.dtype !== "f32") {
    throw new DTypeError(`${label}: mask must be bool, or f32 to be added; got ${described(mask)}.`);
  }
  const isBias = mask?.dtype === "f32";
  const own = {
    scale: scale ?? (heads.q.shape[3] as number) ** -0.5,
    causal,
    visible: mask === undefined || isBias ? null : mask,
  };
  if (dropout === 0 && !isBias) return attend(heads, own);
  return attendWeighed(heads, {
    ...own,
    bias: isBias ? mask : null,
    drop: (shares) => (dropout === 0 ? shares : dropped(label, shares, dropout, key)),
  });
}

function dropped(label: string, shares: Tensor, rate: number | Tensor, key: Tensor | undefined): Tensor {
  if (key === undefined) {
    throw new ConfigError(`${label}: dropout needs a random key; got none. Pass key: random.key(seed).`);
  }
  return drop(shares, key, shares.shape, rate);
}
