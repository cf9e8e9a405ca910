/** Checks that a fused body is a program: arguments come first, levels fit, stores exist. */
import type { FusedBody, FusedInstr, ScalarOp } from "../fused.ts";
import { fail } from "./fail.ts";

/** How many operands a scalar primitive takes, which the layer above (ops) knows; null where it cannot be asked. */
export type ScalarArity = ((fn: ScalarOp) => number) | null;

function arityOf(instr: FusedInstr, scalarArity: ScalarArity): number {
  switch (instr.op) {
    case "load":
    case "literal":
    case "index":
      return 0;
    case "cast":
    case "reduce":
      return 1;
    case "random":
      return 3;
    case "scalar":
      return scalarArity?.(instr.fn) ?? instr.args.length;
    default:
      return instr satisfies never;
  }
}

const argsOf = (instr: FusedInstr): readonly number[] => ("args" in instr ? instr.args : []);

/** Instructions use earlier ones; an outer value depends on outer ones alone, but through a reduction. */
export function checkBody(body: FusedBody, rows: boolean, scalarArity: ScalarArity, where: string): void {
  body.instrs.forEach((instr, index) => {
    const at = `${where}, instruction ${index}`;
    const arity = arityOf(instr, scalarArity);
    if (argsOf(instr).length !== arity) fail(at, `${instr.op} takes ${arity} arguments`);
    for (const arg of argsOf(instr)) {
      const source = arg < index ? body.instrs[arg] : undefined;
      if (source === undefined) fail(at, `argument ${arg} is not an earlier instruction`);
      if (rows && instr.op !== "reduce" && instr.level === "outer" && source.level === "inner") {
        fail(at, "an outer value cannot use an inner one");
      }
    }
    if (instr.op === "load" && instr.load >= body.loads.length) fail(at, `there is no load ${instr.load}`);
    if (instr.op === "index" && instr.index >= body.indices) fail(at, `there is no index ${instr.index}`);
    if (instr.op === "reduce" && !rows) fail(at, "a reduction needs a row");
  });
  for (const { value } of body.stores) {
    if (body.instrs[value] === undefined) fail(where, `there is no instruction ${value} to store`);
  }
}
