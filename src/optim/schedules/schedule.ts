/** Schedule: a hyper-parameter as a function of the step. */
import { Tensor } from "../../engine/tensor/index.ts";
import { type Maths, numberMaths, tensorMaths } from "./maths.ts";

/**
 * A pure function of the step (0 for the first), of a number to plot or test it and of a 0-d tensor inside the compiled step.
 * Any step may be asked for in any order, so a resumed run goes on as if it had never stopped.
 * In f32, whole steps are exact below 2^24.
 */
export interface Schedule {
  (step: number): number;
  (step: Tensor): Tensor;
  /** The step from which the value stays as it is; none for those that go on. */
  readonly end?: number;
}

/**
 * Makes a schedule of a formula written once in `maths`, whose operations take numbers and tensors. `end` is the step from which the value
 * stays, if there is one: a run that goes on after it is told so.
 * @example const inverseTime = schedule((maths, step) => maths.div(0.1, maths.add(step, 1)));
 */
export function schedule(formula: <T>(maths: Maths<T>, step: T) => T, end?: number): Schedule {
  function at(step: number): number;
  function at(step: Tensor): Tensor;
  function at(step: number | Tensor): number | Tensor {
    if (!(step instanceof Tensor)) return formula(numberMaths, step);
    const float = step.dtype === "f32" ? step : step.astype("f32");
    return formula(tensorMaths(float), float);
  }
  return end === undefined ? at : Object.assign(at, { end });
}
