/** Sharpness-aware minimisation: gradients from where the loss is highest nearby. */
import { grad } from "../../engine/autodiff/index.ts";
import type { Tensor } from "../../engine/tensor/index.ts";
import { optionNames, rejectUnknown } from "../../util/index.ts";
import { globalNorm } from "../links/clip.ts";
import { mapTensors, type Optimizer, type State, type TensorTree } from "../optimizer.ts";
import { checkRange } from "../range.ts";
import { needContext, type StepContext } from "../step-context.ts";

export interface SamOptions {
  /** How far to look, in the norm of all parameters. Default 0.05; adaptive ones take about ten times more. */
  readonly rho?: number;
  /** Look further along large parameters, so that scaling them changes nothing. Kwon et al., "ASAM", 2021. Default false. */
  readonly adaptive?: boolean;
}

const samOptions = optionNames<SamOptions>({ rho: true, adaptive: true });

type ValueAndGrad<P, Rest extends readonly unknown[]> = (
  params: P,
  ...rest: Rest
) => [loss: Tensor, grads: P];

/**
 * A value-and-gradient function whose gradients are those at p + e, with e = rho g / |g|, or with `adaptive` rho p^2 g / ||p| g|. The loss
 * is that at p. It takes two gradients a step and no state; any optimizer goes with it.
 * Foret et al., "Sharpness-aware minimization for efficiently improving generalization", 2021.
 * @throws ConfigError unless rho is above 0.
 * @example const [loss, grads] = sam(valueAndGrad(lossOf), { rho: 0.1 })(params, x, y);
 */
export function sam<P extends TensorTree, Rest extends readonly unknown[]>(
  gradient: ValueAndGrad<P, Rest>,
  options: SamOptions = {},
): ValueAndGrad<P, Rest> {
  rejectUnknown("sam", options, samOptions);
  const { rho = 0.05, adaptive = false } = options;
  checkRange("sam", "rho", rho, { above: 0 });
  return (params, ...rest) => {
    const [loss, grads] = gradient(params, ...rest);
    return [loss, gradient(ascend(params, grads, rho, adaptive), ...rest)[1]];
  };
}

/** p + e. */
function ascend<P extends TensorTree>(params: P, grads: P, rho: number, adaptive: boolean): P {
  const sized = adaptive ? mapTensors("sam", (g, p) => g.mul((p as Tensor).abs()), grads, params) : grads;
  // The authors' guard against a gradient of 0.
  const scale = globalNorm(sized).add(1e-12).reciprocal().mul(rho);
  const step = (p: Tensor, g: Tensor) => (adaptive ? p.square().mul(g) : g).mul(scale);
  return mapTensors("sam", (p, g) => p.add(step(p, g as Tensor)), params, grads);
}

/**
 * `optimizer` on the gradients at p + e of `sam`, for where the gradient at p is given, as by a Trainer: it takes another one from the
 * step's context. State: the optimizer's.
 * @throws ConfigError unless rho is above 0, and from `update` without a context.
 * @example new Trainer({ model, loss, optimizer: sharpnessAware(sgd(0.1, { momentum: 0.9 }), { rho: 0.1 }) });
 */
export function sharpnessAware<S extends State>(
  optimizer: Optimizer<S>,
  options: SamOptions = {},
): Optimizer<S> {
  const op = "sharpnessAware";
  rejectUnknown(op, options, samOptions);
  const { rho = 0.05, adaptive = false } = options;
  checkRange(op, "rho", rho, { above: 0 });
  return {
    traits: { name: op, stage: optimizer.traits?.stage, parts: [optimizer] },
    init: (params) => optimizer.init(params),
    update<P extends TensorTree>(grads: P, state: S, params: P, at?: StepContext): [P, S] {
      const { lossAt } = needContext(op, at);
      const beyond = grad(lossAt)(ascend(params, grads, rho, adaptive)) as P;
      return optimizer.update(beyond, state, params, at);
    },
  };
}
