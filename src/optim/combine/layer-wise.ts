/** layerWise: learning rates that fall from the last layer to the first. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, flattenTree, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { checkPattern, listed, picker } from "../links/which.ts";
import { deviceOfTree, mapTensors, type Optimizer, type TensorTree } from "../optimizer.ts";

export interface LayerWiseOptions {
  /** A layer's factor over that of the layer after it. Default 0.75. */
  readonly decay?: Hyper;
  /** The layers from first to last, as a pattern each. Default: by the number in paths like `layers/3/weight`. */
  readonly layers?: readonly string[];
}

/**
 * u = decay^(n - 1 - i) g for layer i of n: the last takes whole steps and those before it shorter ones, for fine-tuning. Parameters of no
 * layer take whole steps. `decay` is a hyper-parameter. No state per parameter.
 * Howard and Ruder, "Universal language model fine-tuning for text classification", 2018; Bao et al., "BEiT", 2022.
 * @throws ConfigError for a negative decay; from `init` for a pattern of `layers` that matches nothing, and without `layers` where paths
 * do not begin as one and go on with a number.
 * @example chain(adamW(1e-4), layerWise({ decay: 0.65, layers: ["embedding", "blocks/0", "blocks/1", "head"] }));
 */
export function layerWise(options: LayerWiseOptions = {}): Optimizer<HyperState> {
  const op = "layerWise";
  rejectUnknown(op, options, ["decay", "layers"]);
  const { decay = 0.75, layers } = options;
  const hyper = hyperSet(op, { decay: [decay, { min: 0 }] });
  const takes = layers?.map((pattern) => picker(op, pattern).takes);
  /** How many layers lie after that of each leaf. */
  const depths = (params: TensorTree): readonly number[] => {
    const { leaves, paths } = flattenTree(params);
    const numbers = takes ? [] : layerNumbers(paths);
    const last = takes ? takes.length - 1 : Math.max(...numbers);
    return paths.map((path, at) => {
      const layer = takes
        ? takes.findIndex((take) => take(path, leaves[at] as Tensor))
        : (numbers[at] as number);
      return layer < 0 ? 0 : last - layer;
    });
  };
  return {
    traits: { name: op, schedules: hyper.schedules },
    init(params) {
      for (const pattern of layers ?? []) checkPattern(op, pattern, flattenTree(params).paths);
      depths(params);
      return hyper.init(deviceOfTree(op, params));
    },
    update(grads, state, params) {
      const now = hyper.at(state);
      const depth = depths(params);
      const factors = [...Array(Math.max(...depth) + 1).keys()].map((power) => now.value("decay").pow(power));
      let at = 0;
      const updates = mapTensors(
        op,
        (g) => {
          const layers = depth[at++] as number;
          return layers === 0 ? g : g.mul(factors[layers] as Tensor);
        },
        grads,
      );
      return [updates, now.next];
    },
  };
}

/** The layer of each path: its first part that is a number. */
function layerNumbers(paths: readonly string[]): number[] {
  const found = paths.map((path) => /^((?:[^/]*\/)*?)(\d+)(?:\/|$)/.exec(path));
  const odd = found.findIndex((match) => match === null || match[1] !== found[0]?.[1]);
  if (odd >= 0) {
    throw new ConfigError(
      `layerWise: paths must begin as one and go on with the number of a layer, as layers/0 does; there are ${listed(paths)}. Give layers: patterns from the first to the last.`,
    );
  }
  const numbers = [...new Set(found.map((match) => Number(match?.[2])))].sort((a, b) => a - b);
  // Layers without parameters do not count.
  return found.map((match) => numbers.indexOf(Number(match?.[2])));
}
