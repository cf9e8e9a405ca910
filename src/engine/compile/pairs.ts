/** Which output ends in the memory of which donated input. */
import { ConfigError } from "../../util/index.ts";
import { bytesOf, formatAval, type Node } from "../ir/index.ts";
import type { CompileGraph } from "./options.ts";
import type { Donation } from "./order/donate.ts";

/**
 * The caller's pairs hold whatever they cost. Without any, outputs are paired in order with donated inputs of the same aval.
 * Beside given pairs, what is left over is reused where that is free.
 * Throws ConfigError for a pair that cannot be.
 */
export function pairUp(
  graph: CompileGraph,
  outputs: readonly Node[],
  leaves: readonly Node[],
): (Donation | null)[] {
  const result: (Donation | null)[] = outputs.map(() => null);
  const taken = new Set<number>();
  for (const [output, input] of graph.pairs ?? []) {
    const [from, to] = [graph.inputs[input], graph.outputs[output]];
    if (
      from === undefined ||
      to === undefined ||
      !graph.donated[input] ||
      taken.has(input) ||
      result[output]
    ) {
      throw new ConfigError(
        `compile: output ${output} cannot take the memory of input ${input}: each may be paired once, and the input must be donated.`,
      );
    }
    if (from.aval.dtype !== to.aval.dtype || bytesOf(from.aval) !== bytesOf(to.aval)) {
      throw new ConfigError(
        `compile: output ${output} must have the size of input ${input}; got ${formatAval(to.aval)} and ${formatAval(from.aval)}.`,
      );
    }
    result[output] = { leaf: input, needed: true };
    taken.add(input);
  }
  const needed = graph.pairs === undefined;
  const pair = (fits: (from: Node, to: Node, leaf: Node, value: Node) => boolean) => {
    outputs.forEach((value, output) => {
      if (result[output]) return;
      const to = graph.outputs[output] as Node;
      const input = graph.inputs.findIndex(
        (from, index) =>
          graph.donated[index] === true && !taken.has(index) && fits(from, to, leaves[index] as Node, value),
      );
      if (input < 0) return;
      result[output] = { leaf: input, needed };
      taken.add(input);
    });
  };
  pair((_from, _to, leaf, value) => leaf === value);
  pair(({ aval: a }, { aval: b }) => a.dtype === b.dtype && `${a.shape}` === `${b.shape}`);
  pair(({ aval: a }, { aval: b }) => a.dtype === b.dtype && bytesOf(a) === bytesOf(b) && bytesOf(a) > 0);
  return result;
}
