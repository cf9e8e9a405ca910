/** Losses that take logits notice when they are given probabilities: the commonest mistake in tutorials. */
import type { Tensor } from "../../engine/tensor/index.ts";

const squashing: ReadonlySet<string> = new Set(["sigmoid", "softmax"]);
const warned = new Set<string>();

/** Warns, once for each loss and function, when `logits` come straight out of a sigmoid or softmax. */
export function expectLogits(op: string, logits: Tensor): void {
  const { node } = logits;
  if (node.op !== "composite" || !squashing.has(node.attrs.name)) return;
  const { name } = node.attrs;
  const key = `${op} ${name}`;
  if (warned.has(key)) return;
  warned.add(key);
  process.emitWarning(
    `${op} takes logits, but what it was given comes out of ${name}: it would be applied twice. Leave ${name} out of the model.`,
    { type: "NablaWarning" },
  );
}
