/** Sharpness-aware minimisation: gradients from where the loss is highest nearby. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, rejectUnknown } from "../../util/index.ts";
import { globalNorm } from "../links/clip.ts";
import { mapTensors, type TensorTree } from "../optimizer.ts";

export interface SamOptions {
  /** How far to look, in the norm of all parameters. Default 0.05; adaptive ones take about ten times more. */
  readonly rho?: number;
  /** Look further along large parameters, so that scaling them changes nothing. Kwon et al., "ASAM", 2021. Default false. */
  readonly adaptive?: boolean;
}

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
  rejectUnknown("sam", options, ["rho", "adaptive"]);
  const { rho = 0.05, adaptive = false } = options;
  if (!(rho > 0 && Number.isFinite(rho))) throw new ConfigError(`sam: rho must be above 0; got ${rho}.`);
  return (params, ...rest) => {
    const [loss, grads] = gradient(params, ...rest);
    const sized = adaptive ? mapTensors("sam", (g, p) => g.mul((p as Tensor).abs()), grads, params) : grads;
    // The authors' guard against a gradient of 0.
    const scale = globalNorm(sized).add(1e-12).reciprocal().mul(rho);
    const beyond = mapTensors(
      "sam",
      (p, g) => {
        const along = adaptive ? p.square().mul(g as Tensor) : (g as Tensor);
        return p.add(along.mul(scale));
      },
      params,
      grads,
    );
    return [loss, gradient(beyond, ...rest)[1]];
  };
}
