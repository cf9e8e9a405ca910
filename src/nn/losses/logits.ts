/** Losses that take logits notice when they are given probabilities: the commonest mistake in tutorials. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { originOf } from "../origin.ts";

const squashing: ReadonlySet<string> = new Set(["sigmoid", "softmax"]);
const warned = new Set<string>();

/** A loss that was given what another function had squashed already. */
export interface Squashed {
  readonly loss: string;
  /** As in `sigmoid`. */
  readonly function: string;
  /** Where in the model, if a layer said so. */
  readonly layer: string | null;
}

let listener: ((found: Squashed) => void) | null = null;

/** Runs `fn`, in which losses that are given probabilities for logits are listed and not warned of. `fn` must be synchronous. */
export function squashedIn<R>(fn: () => R): { result: R; squashed: Squashed[] } {
  const squashed: Squashed[] = [];
  const before = listener;
  listener = (found) => squashed.push(found);
  try {
    return { result: fn(), squashed };
  } finally {
    listener = before;
  }
}

/** Warns, once for each loss and place, when `logits` come out of a sigmoid or softmax; `own` is what the loss applies itself. */
export function expectLogits(op: string, logits: Tensor, own: "sigmoid" | "softmax"): void {
  warnOfProbabilities(
    op,
    logits,
    "logits",
    (name) =>
      `the loss applies ${own} itself. Leave ${name} out of the model, and apply it where probabilities are wanted.`,
  );
}

/** The same for losses that take log-probabilities. */
export function expectLogProbabilities(op: string, x: Tensor): void {
  warnOfProbabilities(op, x, "log-probabilities", () => "their logarithm is missing. Use logSoftmax there.");
}

function warnOfProbabilities(op: string, x: Tensor, must: string, why: (name: string) => string): void {
  const origin = originOf(x);
  if (origin === null || !squashing.has(origin.name)) return;
  const { name, layer } = origin;
  if (listener !== null) {
    listener({ loss: op, function: name, layer });
    return;
  }
  const key = `${op} ${name} ${layer}`;
  if (warned.has(key)) return;
  warned.add(key);
  const place = layer === null ? name : `${name} (${layer})`;
  process.emitWarning(`${op}: its input must be ${must}, but it comes out of ${place}: ${why(name)}`, {
    type: "NablaWarning",
  });
}
