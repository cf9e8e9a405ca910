/** explain: the plan of a function in words. */
import { explainPlan } from "../compile/index.ts";
import { type Jitted, jit } from "./jit.ts";

/**
 * What `fn` compiles to for these arguments: each step, its shapes, buffers and what was fused, the arena's size, what is donated.
 * On the cpu device a second line tells how the step runs: which kernel of the catalogue or the interpreter, and on how many threads.
 * Nothing is run. Takes a function or one already compiled by `jit`.
 * @example console.log(explain((x: Tensor) => x.softmax(-1), x));
 */
// biome-ignore lint/suspicious/noExplicitAny: any function over trees can be explained
export function explain<F extends (...args: any[]) => unknown>(
  fn: F | Jitted<F>,
  ...args: Parameters<F>
): string {
  const jitted = "planFor" in fn ? fn : jit(fn);
  return explainPlan(jitted.planFor(...args), jitted.notesFor(...args));
}
