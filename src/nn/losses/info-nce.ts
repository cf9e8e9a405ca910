/** InfoNCE: which of many keys belongs to a query. */
import { arange, concat, type Tensor, where, zeros } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError } from "../../util/index.ts";
import { normalised, requireVectors } from "./cosine.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { keptBy, type LossOptions, maskInput, reduceLoss } from "./reduction.ts";

export interface InfoNceOptions extends LossOptions {
  /** Divides the similarities; a 0-d tensor can be learnt, as in CLIP. Default 0.1. */
  readonly temperature?: number | Tensor;
  /** Negatives for all queries, [m, size], in place of the other rows' keys (MoCo's queue). */
  readonly negatives?: Tensor;
  /** Averages with the loss of finding the query for each key (CLIP). Default false. */
  readonly symmetric?: boolean;
}

/**
 * crossEntropy of cos(queries, keys) / temperature against the diagonal: row i of queries [n, size] must be nearest to row i of
 * keys [n, size]. One value a query; rows that the mask leaves out are no negatives of others either.
 * van den Oord et al., "Representation learning with contrastive predictive coding", 2018; He et al. (MoCo) 2020; Radford et al.
 * (CLIP) 2021.
 * @throws ShapeError unless both are [n, size] and negatives [m, size]; ConfigError unless temperature > 0, and for symmetric with
 * negatives of their own.
 * @example infoNce(encode(augment(x, k1)), encode(augment(x, k2)), { temperature: 0.2 });
 */
export function infoNce(queries: Tensor, keys: Tensor, options: InfoNceOptions = {}): Tensor {
  const { negatives, symmetric = false, mask } = options;
  checkOptions(queries, keys, options);
  const rows = queries.shape.slice(0, -1);
  const q = normalised(maskInput("infoNce", queries, mask, rows));
  const k = normalised(maskInput("infoNce", keys, mask, rows));
  const { temperature = 0.1 } = options;
  if (negatives) {
    const right = q.mul(k).sum(-1, { keepDims: true });
    const wrong = q.matmul(normalised(negatives).transpose());
    return reduceLoss(
      "infoNce",
      each(concat([right, wrong], 1).div(temperature), zeros(rows, "i32")),
      options,
    );
  }
  const similar = q.matmul(k.transpose()).div(temperature);
  // Not -Infinity: a row without any other must not give NaN.
  const among = (x: Tensor) => (mask === undefined ? x : where(keptBy("infoNce", mask, rows), x, -1e30));
  const index = arange(rows[0] as number);
  const forth = each(among(similar), index);
  const values = symmetric ? forth.add(each(among(similar.transpose()), index)).mul(0.5) : forth;
  return reduceLoss("infoNce", values, options);
}

const each = (logits: Tensor, label: Tensor): Tensor => crossEntropy(logits, label, { reduction: "none" });

function checkOptions(queries: Tensor, keys: Tensor, options: InfoNceOptions): void {
  const { temperature = 0.1, negatives, symmetric } = options;
  if (typeof temperature === "number" && !(temperature > 0)) {
    throw new ConfigError(`infoNce: temperature must be above 0; got ${temperature}.`);
  }
  requireVectors("infoNce", queries, keys);
  if (
    queries.ndim !== 2 ||
    (negatives && (negatives.ndim !== 2 || negatives.shape[1] !== queries.shape[1]))
  ) {
    const got = [queries, keys, ...(negatives ? [negatives] : [])].map((x) => formatShape(x.shape));
    throw new ShapeError(
      `infoNce: queries, keys and negatives must be [n,size], [n,size] and [m,size]; got ${got.join(", ")}.`,
    );
  }
  if (symmetric && negatives) {
    throw new ConfigError("infoNce: symmetric takes the keys as negatives; got { negatives } as well.");
  }
}
