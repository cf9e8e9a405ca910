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

const sigmoid: Expression = ["div", 1, ["add", 1, ["exp", ["sub", -0, "x0"]]]];

/** s3 * (s0 * m) / (sqrt(s1 * v) + s2), added to or taken from p: the tail of Adam and its kin, moments corrected by factors. */
const adamRatio: Expression = ["div", ["mul", "x0", "s0"], ["add", ["sqrt", ["mul", "x1", "s1"]], "s2"]];
/** The same with one moment, uncorrected. */
const rootRatio: Expression = ["div", "x0", ["add", ["sqrt", "x1"], "s0"]];

/** Largest first: the selector takes the first that fits. A negation is 0 - x with a negative zero. */
export const patterns: readonly Pattern[] = [
  pattern("adamAdd", ["add", ["mul", "s3", adamRatio], "x2"]),
  pattern("adamSub", ["sub", "x2", ["mul", "s3", adamRatio]]),
  pattern("rootAdd", ["add", ["mul", "s1", rootRatio], "x2"]),
  pattern("rootSub", ["sub", "x2", ["mul", "s1", rootRatio]]),
  pattern("adamRatio", adamRatio),
  pattern("silu", ["mul", "x0", sigmoid]),
  pattern("gelu", ["mul", ["mul", "x0", ["add", ["erf", ["mul", "x0", Math.SQRT1_2]], 1]], 0.5]),
  // s0 * x0 + s1 * (x1 * x1): a second moment
  pattern("emaSquare", ["add", ["mul", "s0", "x0"], ["mul", "s1", ["mul", "x1", "x1"]]]),
  pattern("rootRatio", rootRatio),
  pattern("sigmoid", sigmoid),
  // s0 * x0 + s1 * x1: a first moment
  pattern("axpby", ["add", ["mul", "s0", "x0"], ["mul", "s1", "x1"]]),
  pattern("mul_mul_add", ["add", ["mul", "x0", "x1"], ["mul", "x2", "x3"]]),
  pattern("mul_mul_sub", ["sub", ["mul", "x0", "x1"], ["mul", "x2", "x3"]]),
  pattern("tanhGradient", ["mul", "x0", ["sub", 1, ["mul", "x1", "x1"]]]),
  pattern("sigmoidGradient", ["mul", "x0", ["mul", "x1", ["sub", 1, "x1"]]]),
  pattern("reluGradient", ["where", ["le", "x0", 0], 0, "x1"]),
  pattern("addRelu", ["max", ["add", "x0", "x1"], 0]),
  pattern("expSub", ["exp", ["sub", "x0", "x1"]]),
  pattern("relu", ["max", "x0", 0]),
  ...pairs(),
];

/** The opcode that an operation of a pattern is by itself. */
export const opcodeInPattern = (op: ScalarOp): string => (op === "where" ? "where_u" : `${op}_f`);
