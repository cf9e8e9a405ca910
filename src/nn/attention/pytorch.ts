/** Weights of PyTorch's attention under nabla's paths. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError } from "../../util/index.ts";
import type { Tensors } from "../module.ts";

const projections = { q_proj_weight: "query", k_proj_weight: "key", v_proj_weight: "value" } as const;

/**
 * The state dict of an `nn.MultiheadAttention` (without bias_k and bias_v) as tensors by path for a MultiHeadAttention.
 * @throws ConfigError for a name that is none of its.
 * @example layer.load(attentionFromPyTorch(await loadSafetensors("attention.safetensors")));
 */
export function attentionFromPyTorch(state: Tensors): Tensors {
  const found: Record<string, Tensor> = {};
  const names = ["query", "key", "value"];
  for (const [name, value] of Object.entries(state)) {
    const own = Object.hasOwn(projections, name) ? projections[name as keyof typeof projections] : undefined;
    if (own !== undefined) found[`${own}/weight`] = value.transpose();
    else if (name === "out_proj.weight") found["output/weight"] = value.transpose();
    else if (name === "out_proj.bias") found["output/bias"] = value;
    else if (name === "in_proj_weight") {
      value.split(3, 0).forEach((part, i) => {
        found[`${names[i]}/weight`] = part.transpose();
      });
    } else if (name === "in_proj_bias") {
      value.split(3, 0).forEach((part, i) => {
        found[`${names[i]}/bias`] = part;
      });
    } else {
      throw new ConfigError(
        `attentionFromPyTorch: names must be those of nn.MultiheadAttention, as in_proj_weight; got "${name}".`,
      );
    }
  }
  return found;
}
