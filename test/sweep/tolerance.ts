/** How far a scalar primitive's f32 result may be from the f64 one, in units in the last place. */
import type { ScalarOp } from "../../src/engine/ir/index.ts";

/** 0.5: correctly rounded. Comparisons, selections and bit operations are exact. */
export const scalarUlps: Readonly<Record<ScalarOp, number>> = {
  exp: 1.1,
  log: 1,
  sqrt: 0.5,
  sin: 1.6,
  tanh: 1.5,
  erf: 1.5,
  floor: 0,
  add: 0.5,
  sub: 0.5,
  mul: 0.5,
  div: 0.5,
  pow: 2.5,
  max: 0,
  min: 0,
  lt: 0,
  le: 0,
  eq: 0,
  ne: 0,
  bitAnd: 0,
  bitOr: 0,
  bitXor: 0,
  shiftLeft: 0,
  shiftRight: 0,
  where: 0,
};
