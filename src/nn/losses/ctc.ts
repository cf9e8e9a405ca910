/** Connectionist temporal classification: how likely a sequence of labels is, however it is spread over time. */
import {
  arange,
  customGradient,
  full,
  isfinite,
  logSoftmax,
  maximum,
  pad,
  scan,
  stack,
  stopGradient,
  type Tensor,
  takeAlongAxis,
  where,
  zeros,
} from "../../engine/tensor/index.ts";
import { ConfigError, DTypeError, formatShape, type Shape, ShapeError, sameShape } from "../../util/index.ts";
import { asLabel } from "./class-targets.ts";
import { expectLogits } from "./logits.ts";
import { type LossOptions, maskInput, reduceLoss } from "./reduction.ts";

export interface CtcOptions extends LossOptions {
  /** Steps of each row that count, i32 [batch]. Default: all. */
  readonly inputLengths?: Tensor;
  /** Labels of each row that count, i32 [batch]. Default: all. */
  readonly targetLengths?: Tensor;
  /** The class that stands for no label. Default 0. */
  readonly blank?: number;
  /** Rows whose labels do not fit into their steps cost 0, not Infinity; their gradient is 0 either way. Default false. */
  readonly zeroInfinity?: boolean;
}

/**
 * -log p(labels | logits), where p sums over all alignments: a label takes one step or more, blanks may stand around it and must
 * between equal ones. logits: [batch, time, classes] (log-probabilities do as well), labels: integers [batch, most], padded with
 * anything. One value a row; the mean is that of the values divided by the row's number of labels (at least 1), as in PyTorch, whose
 * layout is [time, batch, classes]. A label out of range makes the loss of its row NaN.
 * Graves et al., "Connectionist temporal classification", 2006.
 * @throws ShapeError or DTypeError for labels or lengths that do not fit; ConfigError for a blank that is no class.
 * @example ctc(model.forward(audio), labels, { targetLengths: labels.ne(0).astype("i32").sum(-1) }); // padded with blanks
 */
export function ctc(logits: Tensor, labels: Tensor, options: CtcOptions = {}): Tensor {
  checkArguments(logits, labels, options);
  expectLogits("ctc", logits, "softmax");
  const { blank = 0, zeroInfinity = false, reduction = "mean", inputLengths, mask } = options;
  const [batch, most] = labels.shape as [number, number];
  const lengths = options.targetLengths ?? full([batch], most, "i32");
  const used = where(arange(most).lt(lengths.unsqueeze(-1)), asLabel(labels), blank);
  const states = betweenBlanks(used, blank); // [batch, 2 most + 1]
  const y = logSoftmax(maskInput("ctc", logits, mask, [batch]));
  const [alpha, shift] = forward(takeAlongAxis(y, states.unsqueeze(1), 2), states, blank, inputLengths);
  const end = lengths.mul(2).unsqueeze(-1);
  const inBlank = takeAlongAxis(alpha, end, 1);
  const inLabel = where(end.gt(0), takeAlongAxis(alpha, maximum(end.sub(1), 0), 1), NEVER);
  const loss = shift.add(logAdd(inBlank, inLabel).squeeze(-1)).neg();
  const values = zeroInfinity ? where(loss.eq(Number.POSITIVE_INFINITY), 0, loss) : loss;
  return reduceLoss("ctc", reduction === "mean" ? values.div(maximum(lengths, 1)) : values, options);
}

/** The logarithm of no chance. */
const NEVER = Number.NEGATIVE_INFINITY;

/** [batch, n] -> [batch, 2 n + 1], blanks at the even places. */
function betweenBlanks(labels: Tensor, blank: number): Tensor {
  const [batch, most] = labels.shape as [number, number];
  const pairs = stack([full(labels.shape, blank, "i32"), labels], 2).reshape([batch, 2 * most]);
  return pad(pairs, [NONE, [0, 1]], blank);
}

/** No padding of the batch. */
const NONE = [0, 0] as const;

/** Moved `by` places up the last axis of [batch, states]; `value` comes in. */
const shifted = (x: Tensor, by: number, value: number): Tensor => pad(x, [NONE, [by, -by]], value);

/**
 * alpha_t(s) = log of the chance of all ways to be in state s after step t, by Graves' recursion over `seen`, the log-probabilities of
 * the states' classes: [batch, time, states]. Gives alpha less its largest at each step, and the sum of what was taken off: so that
 * the magnitudes of long inputs do not cost f32 the differences that gradients are made of (measured up to 150 steps).
 */
function forward(seen: Tensor, states: Tensor, blank: number, lengths: Tensor | undefined): [Tensor, Tensor] {
  const [batch, time] = seen.shape as [number, number];
  // A step over the blank between two labels, unless they are equal.
  const skips = states.ne(blank).logicalAnd(states.ne(shifted(states, 2, blank)));
  const first = arange(states.shape[1] as number).eq(0);
  const start = { alpha: where(first, full(states.shape, 0), NEVER), shift: zeros([batch]) };
  const [{ alpha, shift }] = scan(
    (before: typeof start, x: { seen: Tensor; t: Tensor }) => {
      const skip = where(skips, shifted(before.alpha, 2, NEVER), NEVER);
      const sum = logAdd(before.alpha, shifted(before.alpha, 1, NEVER), skip).add(x.seen);
      const largest = finite(stopGradient(sum.max(-1, { keepDims: true })));
      const next = { alpha: sum.sub(largest), shift: before.shift.add(largest.squeeze(-1)) };
      if (lengths === undefined) return [next, null];
      const live = x.t.lt(lengths);
      return [
        {
          alpha: where(live.unsqueeze(-1), next.alpha, before.alpha),
          shift: where(live, next.shift, before.shift),
        },
        null,
      ];
    },
    start,
    { seen: seen.permute([1, 0, 2]), t: arange(time) },
  );
  return [alpha, shift];
}

const finite = (x: Tensor): Tensor => where(isfinite(x), x, 0);

/** log(e^a + e^b + ...), -Infinity where all are, with gradient 0 there. */
const logAdd = customGradient(
  (...xs) => {
    const largest = finite(xs.reduce((a, b) => maximum(a, b)));
    const sum = xs.map((x) => x.sub(largest).exp()).reduce((a, b) => a.add(b));
    return sum.log().add(largest);
  },
  (g, xs, y) => xs.map((x) => g.mul(x.sub(finite(y)).exp())),
  "logAdd",
);

function checkArguments(logits: Tensor, labels: Tensor, options: CtcOptions): void {
  const { blank = 0 } = options;
  const got = `got ${logits.dtype}${formatShape(logits.shape)} and ${labels.dtype}${formatShape(labels.shape)}`;
  if (logits.ndim !== 3 || labels.ndim !== 2 || logits.shape[0] !== labels.shape[0]) {
    throw new ShapeError(
      `ctc: logits must be [batch,time,classes] and labels [batch,most labels]; ${got}. PyTorch's [time,batch,classes] is logits.permute([1, 0, 2]).`,
    );
  }
  if (!["i32", "u32", "i8", "u8"].includes(labels.dtype)) {
    throw new DTypeError(`ctc: labels must be integers; ${got}. Hint: labels.astype("i32").`);
  }
  const [batch, , classes] = logits.shape as [number, number, number];
  if (!Number.isInteger(blank) || blank < 0 || blank >= classes) {
    throw new ConfigError(`ctc: blank must be a class, in [0, ${classes}); got ${blank}.`);
  }
  checkLengths("inputLengths", options.inputLengths, [batch]);
  checkLengths("targetLengths", options.targetLengths, [batch]);
}

function checkLengths(name: string, lengths: Tensor | undefined, shape: Shape): void {
  if (lengths === undefined || (lengths.dtype === "i32" && sameShape(lengths.shape, shape))) return;
  throw new ShapeError(
    `ctc: ${name} must be i32${formatShape(shape)}, one for each row; got ${lengths.dtype}${formatShape(lengths.shape)}.`,
  );
}
