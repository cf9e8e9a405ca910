/** Composites: named functions that keep their body, so that they may have their own gradient, kernel or recomputation. */
import type { CompositeVjp, KernelParams, Node } from "../ir/index.ts";
import { make, outputsOf } from "../ops/index.ts";
import { asFloat, wrap } from "./apply.ts";
import { Tensor, type TensorLike } from "./tensor.ts";
import { traceGraph } from "./trace.ts";

export interface CompositeOptions {
  readonly name: string;
  /** Gradients of the inputs; what is captured gets none. Without it the body is differentiated. */
  readonly vjp?: CompositeVjp | undefined;
  readonly recompute?: boolean | undefined;
  /** What a device's kernel of this name must know; without them no device looks for one. */
  readonly params?: KernelParams | undefined;
}

/** Runs `fn` as a composite of `inputs`. */
export function composite(
  inputs: readonly Tensor[],
  fn: (inputs: readonly Tensor[]) => readonly Tensor[],
  { name, vjp, recompute, params }: CompositeOptions,
): Tensor[] {
  const sources = inputs.map((input) => input.node);
  const { body, captures } = traceGraph(
    sources.map((source) => source.aval),
    fn,
    false,
  );
  const withCaptures: CompositeVjp | undefined =
    vjp &&
    ((grads, all, outputs) => [
      ...vjp(grads, all.slice(0, sources.length), outputs),
      ...captures.map(() => null),
    ]);
  const node = make("composite", [...sources, ...captures], {
    name,
    body,
    vjp: withCaptures,
    recompute,
    params,
  });
  return outputsOf(node).map(wrap);
}

/** A function of one f32 tensor with a gradient of its own: `vjp(g, x, y)` of y = body(x). */
export function withGradient(
  name: string,
  body: (x: Tensor) => Tensor,
  vjp: (g: Tensor, x: Tensor, y: Tensor) => Tensor,
): (x: TensorLike) => Tensor {
  const rule: CompositeVjp = ([g], [x], [y]) =>
    g ? [vjp(new Tensor(g), new Tensor(x as Node), new Tensor(y as Node)).node] : [null];
  const run = (x: TensorLike): Tensor => {
    const [result] = composite([asFloat(name, x)], ([input]) => [body(input as Tensor)], { name, vjp: rule });
    return result as Tensor;
  };
  return Object.defineProperty(run, "name", { value: name });
}
