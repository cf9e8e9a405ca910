/** Checks that a fused body is a program: arguments come first, levels fit, stores exist. */
import type { FusedBody, FusedInstr, ScalarOp } from "../fused.ts";
import { fail } from "./fail.ts";

const scalarArity: Readonly<Record<ScalarOp, number>> = {
  exp: 1,
  log: 1,
  sqrt: 1,
  sin: 1,
  tanh: 1,
  erf: 1,
  floor: 1,
  add: 2,
  sub: 2,
  mul: 2,
  div: 2,
  pow: 2,
  max: 2,
  min: 2,
  lt: 2,
  le: 2,
  eq: 2,
  ne: 2,
  bitAnd: 2,
  bitOr: 2,
  bitXor: 2,
  shiftLeft: 2,
  shiftRight: 2,
  where: 3,
};

function arityOf(instr: FusedInstr): number {
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
      return scalarArity[instr.fn];
    default:
      return instr satisfies never;
  }
}

const argsOf = (instr: FusedInstr): readonly number[] => ("args" in instr ? instr.args : []);

/** Instructions use earlier ones; an outer value depends on outer ones alone, but through a reduction. */
export function checkBody(body: FusedBody, rows: boolean, where: string): void {
  body.instrs.forEach((instr, index) => {
    const at = `${where}, instruction ${index}`;
    if (argsOf(instr).length !== arityOf(instr)) fail(at, `${instr.op} takes ${arityOf(instr)} arguments`);
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
