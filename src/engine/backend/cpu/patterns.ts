/**
 * Superinstructions: expressions of f32 ops that run as one instruction, so that what is between stays in machine registers.
 * Every operation inside rounds as it does alone, so using one never changes a bit.
 */
import type { ScalarOp } from "../../ir/index.ts";

/** A leaf `x0`.. is any register; `s0`.. one whose value is the same in the whole tile (read once); a number is that literal. */
export type Expression = string | number | readonly [ScalarOp, ...Expression[]];

export interface Pattern {
  readonly name: string;
  readonly expression: Expression;
  /** Leaves in operand order: the names in order of first appearance. */
  readonly leaves: readonly string[];
  readonly arity: number;
  /** Instructions it replaces. */
  readonly size: number;
}

const commutative: ReadonlySet<string> = new Set(["add", "mul"]);
export const isCommutative = (op: string): boolean => commutative.has(op);

function pattern(name: string, expression: Expression): Pattern {
  const leaves: string[] = [];
  let size = 0;
  const walk = (node: Expression): void => {
    if (typeof node === "string") {
      if (!leaves.includes(node)) leaves.push(node);
    } else if (typeof node !== "number") {
      size++;
      for (const child of node.slice(1) as Expression[]) walk(child);
    }
  };
  walk(expression);
  return { name, expression, leaves, arity: leaves.length, size };
}

const inner = ["add", "sub", "mul"] as const;
const outer = ["add", "sub", "mul", "div", "max", "min"] as const;

/** Every pair (a op b) op c, and c op (a op b) where the order matters. */
function pairs(): Pattern[] {
  const list: Pattern[] = [];
  for (const second of outer) {
    for (const first of inner) {
      list.push(pattern(`${first}_${second}`, [second, [first, "x0", "x1"], "x2"]));
      if (second === "sub" || second === "div") {
        list.push(pattern(`${first}_r${second}`, [second, "x2", [first, "x0", "x1"]]));
      }
    }
  }
  return list;
}

/** Largest first: the selector takes the first that fits. */
export const patterns: readonly Pattern[] = [
  // p - s * m / (sqrt(v) + eps) and its forms: the tails of Adam, RMSProp and their kin
  pattern("adamStep", [
    "sub",
    "x0",
    ["mul", "s0", ["div", ["mul", "x1", "s1"], ["add", ["sqrt", ["mul", "x2", "s2"]], "s3"]]],
  ]),
  pattern("adamStepDiv", [
    "sub",
    "x0",
    ["mul", "s0", ["div", ["div", "x1", "s1"], ["add", ["sqrt", ["div", "x2", "s2"]], "s3"]]],
  ]),
  // s0 * x0 + s1 * (x1 * x1): a second moment
  pattern("emaSquare", ["add", ["mul", "s0", "x0"], ["mul", "s1", ["mul", "x1", "x1"]]]),
  pattern("rootDiv", ["div", "x0", ["add", ["sqrt", "x1"], "s0"]]),
  pattern("sigmoid", ["div", 1, ["add", 1, ["exp", ["sub", 0, "x0"]]]]),
  pattern("sigmoidNegated", ["div", 1, ["add", 1, ["exp", ["mul", -1, "x0"]]]]),
  // s0 * x0 + s1 * x1: a first moment
  pattern("axpby", ["add", ["mul", "s0", "x0"], ["mul", "s1", "x1"]]),
  pattern("mul_mul_add", ["add", ["mul", "x0", "x1"], ["mul", "x2", "x3"]]),
  pattern("mul_mul_sub", ["sub", ["mul", "x0", "x1"], ["mul", "x2", "x3"]]),
  pattern("addRelu", ["max", ["add", "x0", "x1"], 0]),
  pattern("expSub", ["exp", ["sub", "x0", "x1"]]),
  pattern("relu", ["max", "x0", 0]),
  ...pairs(),
];
