/** The arithmetic schedules are written in, once for plain numbers and once for 0-d tensors. */
import { maximum, minimum, Tensor, where } from "../../engine/tensor/index.ts";

/** Operands may be numbers anywhere; results are of the step's kind. */
export interface Maths<T> {
  add(a: T | number, b: T | number): T;
  sub(a: T | number, b: T | number): T;
  mul(a: T | number, b: T | number): T;
  div(a: T | number, b: T | number): T;
  pow(a: T | number, b: T | number): T;
  min(a: T | number, b: T | number): T;
  max(a: T | number, b: T | number): T;
  floor(a: T): T;
  cos(a: T): T;
  sin(a: T): T;
  /** The value of a schedule. */
  at(schedule: { (step: number): number; (step: Tensor): Tensor }, step: T): T;
  /** `yes` where a < b, else `no`. */
  ifLess(a: T | number, b: T | number, yes: T | number, no: T | number): T;
}

export const numberMaths: Maths<number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
  min: Math.min,
  max: Math.max,
  floor: Math.floor,
  cos: Math.cos,
  sin: Math.sin,
  at: (schedule, step) => schedule(step),
  ifLess: (a, b, yes, no) => (a < b ? yes : no),
};

/** For a step on this device: two numbers may meet, and then one of them must become a tensor. */
export function tensorMaths(like: Tensor): Maths<Tensor> {
  const lift = (x: Tensor | number): Tensor => (x instanceof Tensor ? x : like.mul(0).add(x));
  return {
    add: (a, b) => lift(a).add(b),
    sub: (a, b) => lift(a).sub(b),
    mul: (a, b) => lift(a).mul(b),
    div: (a, b) => lift(a).div(b),
    pow(a, b) {
      // A base near 1 rounded to f32 is off by as many roundings as it has steps; its logarithm by one.
      if (typeof a === "number" && Math.abs(Math.log(a)) < 0.5) return lift(b).mul(Math.log(a)).exp();
      return lift(a).pow(b);
    },
    min: (a, b) => minimum(lift(a), b),
    max: (a, b) => maximum(lift(a), b),
    floor: (a) => a.floor(),
    cos: (a) => a.cos(),
    sin: (a) => a.sin(),
    at: (schedule, step) => schedule(step),
    ifLess: (a, b, yes, no) => where(lift(a).lt(b), lift(yes), no),
  };
}
