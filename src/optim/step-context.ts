/** What an optimizer may ask of a step besides its gradients. */
import { random, type Tensor } from "../engine/tensor/index.ts";
import { ConfigError, mapTree } from "../util/index.ts";
import type { TensorTree } from "./optimizer.ts";

/** The fourth argument of `update`, for optimizers that look at the loss; the others leave it alone, and nothing of it is computed. */
export interface StepContext {
  /** The loss that was differentiated: 0-d, at the parameters given to `update`. */
  readonly loss: Tensor;
  /** The loss of the same batch, with the same randomness, at other parameters of the same tree. Pure; may be differentiated. */
  readonly lossAt: (params: TensorTree) => Tensor;
  /** The mean loss of the batch for labels drawn from the model's own predictions, where there are any; see `gaussNewtonBartlett`. */
  readonly sampledLossAt?: ((params: TensorTree) => Tensor) | undefined;
  /** A key of this step: u32[2]. */
  readonly key: Tensor;
}

/** The context. Throws ConfigError, saying how to pass one, where there is none. */
export function needContext(op: string, at: StepContext | undefined): StepContext {
  if (at !== undefined) return at;
  throw new ConfigError(
    `${op}: update must be given the step's loss; got three arguments. Pass { loss, lossAt, key } as its fourth: update(grads, state, params, { loss, lossAt: (params) => ..., key }). A Trainer does.`,
  );
}

/** The context of the n-th of several optimizers, which draw numbers of their own. */
export const contextOf = (at: StepContext | undefined, n: number): StepContext | undefined =>
  at && { ...at, key: random.foldIn(at.key, n) };

/** The context of the n-th of several optimizers, each for parameters of its own: the loss is then a function of those, by path. */
export function contextOfPart(
  at: StepContext | undefined,
  n: number,
  params: TensorTree,
): StepContext | undefined {
  const whole = contextOf(at, n);
  if (whole === undefined) return undefined;
  const ofPart = (loss: StepContext["lossAt"]) => (own: TensorTree) => {
    const moved = own as Readonly<Record<string, Tensor>>;
    return loss(mapTree(params, (leaf, path) => moved[path] ?? leaf));
  };
  const { lossAt, sampledLossAt } = whole;
  return { ...whole, lossAt: ofPart(lossAt), sampledLossAt: sampledLossAt && ofPart(sampledLossAt) };
}
