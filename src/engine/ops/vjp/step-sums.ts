/** Sums over the steps of a loop, taken outside of it: many small products become one large one. */
import type { Node } from "../../ir/index.ts";
import { build as b } from "../builder.ts";
import { accumulate, input } from "./rule.ts";

/** From a value of a step, all its values along a new axis 0. */
export type Stack = (value: Node) => Node;

/** The sum over the steps of a value: a part that is summed outside, from stacks, and a part that is left to the loop. */
export interface StepSum {
  readonly outside: (stack: Stack) => Node | null;
  readonly inside: Node | null;
}

/** What `value` is the sum of; a sum that occurs twice is not taken apart twice. */
function addends(value: Node): Node[] {
  const found: Node[] = [];
  const seen = new Set<Node>();
  const waiting = [value];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node.op !== "add" || seen.has(node)) found.push(node);
    else waiting.push(input(node.src, 1), input(node.src, 0));
    seen.add(node);
  }
  return found;
}

function unshaped(value: Node): Node {
  let node = value;
  while (node.op === "reshape") node = input(node.src, 0);
  return node;
}

/** a' c of two matrices with as many rows: over all steps that is one product of the stacks. */
const isProductOfRows = ({ op, aval, attrs }: Node): boolean =>
  op === "matmul" && aval.shape.length === 2 && attrs.transposeA && !attrs.transposeB;

/** The factors of such products in `value`. */
export const factorsIn = (value: Node): Node[] =>
  addends(value)
    .map(unshaped)
    .filter(isProductOfRows)
    .flatMap(({ src }) => src);

/** The rows of every step, one below the other. */
function rows(all: Node): Node {
  const [steps, height, width] = all.aval.shape as [number, number, number];
  return b.reshape(all, [steps * height, width]);
}

/** The sum over the steps of `node`, given what it reads, stacked; null where that is left to the loop. */
function outside(node: Node, stacked: ReadonlySet<Node>): ((stack: Stack) => Node) | null {
  if (!node.src.every((source) => stacked.has(source))) return null;
  if (node.op === "matmul" && isProductOfRows(node)) {
    return (stack) =>
      b.make(
        "matmul",
        node.src.map((factor) => rows(stack(factor))),
        node.attrs,
      );
  }
  if (node.op === "reduce" && node.attrs.kind === "sum") {
    const axes = [0, ...node.attrs.axes.map((axis) => axis + 1)];
    return (stack) => b.sum(stack(input(node.src, 0)), axes);
  }
  return null;
}

/** How `value`, which every step computes anew, is summed over the steps when those in `stacked` are kept anyhow. */
export function sumOverSteps(value: Node, stacked: ReadonlySet<Node>): StepSum {
  const parts: ((stack: Stack) => Node)[] = [];
  let inside: Node | null = null;
  for (const part of addends(value)) {
    const sum = outside(unshaped(part), stacked);
    if (sum !== null) parts.push((stack) => b.reshape(sum(stack), part.aval.shape));
    else inside = inside === null ? part : accumulate(inside, part);
  }
  if (parts.length === 0) return { outside: () => null, inside: value };
  return { outside: (stack) => parts.map((part) => part(stack)).reduce(accumulate), inside };
}
