/** rocAuc and prAuc inside the step: areas under curves, from scores in buckets. */
import { arange, logSoftmax, scatterAdd, type Tensor, tensor, where } from "../engine/tensor/index.ts";
import { ConfigError } from "../util/index.ts";
import type { Batch, Metric } from "./metric.ts";
import { type IgnoreOptions, requireIgnore, requireWhole } from "./options.ts";
import { decide, keptRows, kindOf, yes } from "./targets.ts";

/** How many positives and negatives scored within each bucket: i32 [classes * buckets], one class for yes and no. */
type Buckets = { readonly positives: Tensor; readonly negatives: Tensor };

export interface AucOptions extends IgnoreOptions {
  /** How fine scores are told apart. Default 2048. */
  readonly buckets?: number;
  /** Averages over this many classes, each against the rest, leaving out those without both; default: yes and no. */
  readonly classes?: number;
}

/**
 * The chance that a positive scores above a negative, ties counting half. For yes and no the score is the logit (of two classes: their
 * difference), for `classes` the softmax against the rest.
 * Scores fall into buckets, equal parts of s / (4 + |s|) for a score s in log-odds, and within one count as ties: the value is off by at
 * most half the share of pairs of a positive and a negative that share a bucket, the sum over buckets of (positives in it / all)
 * (negatives in it / all) / 2. `exact.rocAuc` has no such error.
 * Hanley and McNeil 1982. NaN without both kinds.
 * @throws ConfigError for options that are no whole numbers, or for another number of classes; ShapeError when shapes do not fit.
 * @example metrics: ["rocAuc", rocAuc({ classes: 10 })]
 */
export const rocAuc = (options: AucOptions = {}): Metric<Buckets> =>
  fromBuckets("rocAuc", options, (positives, negatives) => {
    const below = negatives.cumsum(-1).sub(negatives);
    return positives.mul(below.add(negatives.mul(0.5))).sum(-1);
  });

/**
 * Average precision, the area under precision by recall as steps: the mean over positives of the precision down to them. Scores and
 * buckets as for `rocAuc`. The value is off by at most the mean over positives of (rows in its bucket) / (rows in it or above).
 * `exact.prAuc` has no such error.
 * @throws as `rocAuc`.
 */
export const prAuc = (options: AucOptions = {}): Metric<Buckets> =>
  fromBuckets("prAuc", options, (positives, negatives, odds) => {
    const right = positives.cumsum(-1, { reverse: true });
    const wrong = negatives.cumsum(-1, { reverse: true }).mul(odds);
    const found = right.add(wrong);
    return positives.mul(right.div(where(found.eq(0), 1, found))).sum(-1);
  });

/** `area` of positives and negatives as shares of all of their kind, [classes, buckets], and how many negatives a positive has. */
function fromBuckets(
  name: string,
  options: AucOptions,
  area: (positives: Tensor, negatives: Tensor, odds: Tensor) => Tensor,
): Metric<Buckets> {
  const { buckets = 2048, classes } = options;
  requireWhole(name, "buckets", buckets, 2);
  if (classes !== undefined) requireWhole(name, "classes", classes, 2);
  requireIgnore(name, options);
  const curves = classes ?? 1;
  return {
    name: classes === undefined ? name : `${name}(macro)`,
    mean: false,
    init(place = {}) {
      const empty = () => tensor(new Int32Array(curves * buckets), { device: place.device });
      return { positives: empty(), negatives: empty() };
    },
    update({ positives, negatives }, batch) {
      const { scores, positive } = scored(name, classes, batch);
      const bucket = bucketOf(scores, buckets).add(arange(curves).mul(buckets));
      const known = scores.eq(scores);
      const rows = keptRows(name, options, batch.logits, batch.targets);
      const kept = rows === null ? known : known.logicalAnd(rows.unsqueeze(-1));
      // Index -1 writes nothing.
      const add = (counts: Tensor, flags: Tensor) =>
        scatterAdd(counts, where(flags.logicalAnd(kept), bucket, -1).flatten(), 1);
      return { positives: add(positives, positive), negatives: add(negatives, positive.logicalNot()) };
    },
    value({ positives, negatives }) {
      const [p, n] = [positives, negatives].map((counts) =>
        counts.reshape([curves, buckets]).astype("f32"),
      ) as [Tensor, Tensor];
      const total = (counts: Tensor) => counts.sum(-1, { keepDims: true });
      const [all, none] = [total(p), total(n)];
      const areas = area(p.div(all.maximum(1)), n.div(none.maximum(1)), none.div(all.maximum(1)));
      const both = all.mul(none).squeeze(-1).gt(0);
      return where(both, areas, 0).sum().div(both.astype("f32").sum());
    },
  };
}

/** Log-odds, and whether each row is a positive of the curve: [rows, curves]. */
function scored(
  name: string,
  classes: number | undefined,
  { logits, targets }: Batch,
): { scores: Tensor; positive: Tensor } {
  const kind = kindOf(name, logits, targets);
  const { actual, classes: found } = decide(name, logits, targets);
  if (classes === undefined && kind === "binary") {
    return { scores: logits.reshape([-1, 1]), positive: yes(targets).reshape([-1, 1]) };
  }
  if (kind === "binary" || found !== (classes ?? 2)) {
    throw new ConfigError(
      `${name}: classes must be the number the model has; got ${classes ?? "none"} for ${kind === "binary" ? "yes and no" : found}.${kind === "binary" ? "" : ` Say ${name}({ classes: ${found} }).`}`,
    );
  }
  const rows = logits.reshape([-1, found]);
  if (classes === undefined) {
    const [no, sure] = rows.split(2, -1) as [Tensor, Tensor];
    return { scores: sure.sub(no), positive: actual.eq(1).unsqueeze(-1) };
  }
  // log(p / (1 - p)) from y = log p, within what f32 tells from 0 and 1.
  const surprise = logSoftmax(rows).neg().maximum(1e-7).minimum(80);
  return { scores: surprise.expm1().log().neg(), positive: actual.unsqueeze(-1).eq(arange(found)) };
}

/** 0 to buckets - 1, in the order of the scores. */
function bucketOf(scores: Tensor, buckets: number): Tensor {
  const share = scores.minimum(1e6).maximum(-1e6);
  const place = share
    .div(share.abs().add(4))
    .add(1)
    .mul(buckets / 2);
  return place
    .floor()
    .maximum(0)
    .minimum(buckets - 1)
    .astype("i32");
}
