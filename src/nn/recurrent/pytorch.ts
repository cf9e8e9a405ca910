/** Weights of PyTorch's recurrent layers under nabla's paths. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError } from "../../util/index.ts";
import type { Tensors } from "../module.ts";

const parts: Readonly<Record<string, string>> = {
  weight_ih: "inputWeight",
  weight_hh: "hiddenWeight",
  bias_ih: "inputBias",
  bias_hh: "hiddenBias",
};

/**
 * The state dict of an `nn.RNN`, `nn.LSTM` or `nn.GRU` as tensors by path for the layer of the same kind: `weight_ih_l0_reverse`
 * [gates hidden, inputs] becomes `layers/0/backward/inputWeight` [inputs, gates hidden]. Gates are in the same order.
 * @throws ConfigError for a name that is none of theirs.
 * @example lstm.load(recurrentFromPyTorch(await loadSafetensors("lstm.safetensors")));
 */
export function recurrentFromPyTorch(state: Tensors): Tensors {
  const entries = Object.entries(state).map(([name, value]): [string, Tensor] => {
    const [, part = "", level, reverse] = /^(\w+?_[ih]h)_l(\d+)(_reverse)?$/.exec(name) ?? [];
    const own = parts[part];
    if (own === undefined) {
      throw new ConfigError(
        `recurrentFromPyTorch: names must be as weight_ih_l0 or bias_hh_l1_reverse; got "${name}".`,
      );
    }
    const path = `layers/${level}/${reverse === undefined ? "forward" : "backward"}/${own}`;
    return [path, value.ndim === 2 ? value.transpose() : value];
  });
  return Object.fromEntries(entries);
}
