/**
 * Makes methods of the free functions: every function of these files takes a tensor first, so `sum(x, 0)` is `x.sum(0)`.
 * A new function in one of them is a method without further ado.
 */
import * as activation from "./activation.ts";
import * as arithmetic from "./arithmetic.ts";
import * as compare from "./compare.ts";
import * as contraction from "./contraction.ts";
import * as cumulative from "./cumulative.ts";
import * as elementwise from "./elementwise.ts";
import * as gather from "./gather.ts";
import * as movement from "./movement.ts";
import * as order from "./order.ts";
import * as padding from "./padding.ts";
import * as reduce from "./reduce.ts";
import * as slicing from "./slicing.ts";
import * as statistics from "./statistics.ts";
import { Tensor } from "./tensor.ts";
import * as windows from "./windows.ts";

type MethodsOf<Module> = {
  readonly [K in keyof Module]: Module[K] extends (x: Tensor, ...rest: infer Rest) => infer Result
    ? (...rest: Rest) => Result
    : never;
};

type Activation = MethodsOf<typeof activation>;
type Arithmetic = MethodsOf<typeof arithmetic>;
type Compare = MethodsOf<typeof compare>;
type Contraction = MethodsOf<typeof contraction>;
type Cumulative = MethodsOf<typeof cumulative>;
type Elementwise = MethodsOf<typeof elementwise>;
type Gather = MethodsOf<typeof gather>;
type Movement = MethodsOf<typeof movement>;
type Order = MethodsOf<typeof order>;
type PaddingMethods = MethodsOf<typeof padding>;
type Reduce = MethodsOf<typeof reduce>;
type Slicing = MethodsOf<typeof slicing>;
type Statistics = MethodsOf<typeof statistics>;
type Windows = MethodsOf<typeof windows>;

declare module "./tensor.ts" {
  interface Tensor
    extends Activation,
      Arithmetic,
      Compare,
      Contraction,
      Cumulative,
      Elementwise,
      Gather,
      Movement,
      Order,
      PaddingMethods,
      Reduce,
      Slicing,
      Statistics,
      Windows {}
}

const modules = [
  activation,
  arithmetic,
  compare,
  contraction,
  cumulative,
  elementwise,
  gather,
  movement,
  order,
  padding,
  reduce,
  slicing,
  statistics,
  windows,
];

for (const module of modules) {
  for (const [name, fn] of Object.entries(module)) {
    const call = fn as (...args: unknown[]) => unknown;
    Object.defineProperty(Tensor.prototype, name, {
      configurable: true,
      writable: true,
      value(this: Tensor, ...rest: unknown[]): unknown {
        return call(this, ...rest);
      },
    });
  }
}

export { Tensor };
