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
}

/**
 * Makes a schedule of a formula written once in `maths`, whose operations take numbers and tensors.
 * @example const inverseTime = schedule((maths, step) => maths.div(0.1, maths.add(step, 1)));
 */
export function schedule(formula: <T>(maths: Maths<T>, step: T) => T): Schedule {
  function at(step: number): number;
  function at(step: Tensor): Tensor;
  function at(step: number | Tensor): number | Tensor {
    if (!(step instanceof Tensor)) return formula(numberMaths, step);
    const float = step.dtype === "f32" ? step : step.astype("f32");
    return formula(tensorMaths(float), float);
  }
  return at;
}

/** The value of a schedule inside the formula of another. */
export function valueAt<T>(schedule: Schedule, step: T): T {
  return (schedule as unknown as (step: T) => T)(step);
}
