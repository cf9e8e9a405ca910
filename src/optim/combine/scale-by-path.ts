/** scaleByPath: factors of the updates of some parameters. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, flattenTree } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { checkPattern, picker } from "../links/which.ts";
import { deviceOfTree, mapTensors, type Optimizer } from "../optimizer.ts";

/**
 * u = factor * g for parameters that a pattern takes (the first that does), and u = g for the others. After an optimizer a factor of its
 * learning rate; each is a hyper-parameter with its pattern as name. No state per parameter.
 * PyTorch: `lr` of a parameter group; optax: `partition` of scales.
 * @throws ConfigError without a pattern and for a factor below 0; from `init` for a pattern that takes no parameter.
 * @example chain(adamW(1e-3), scaleByPath({ "embedding/**": 0.1, "**\/bias": 2 }));
 */
export function scaleByPath(factors: Readonly<Record<string, Hyper>>): Optimizer<HyperState> {
  const op = "scaleByPath";
  const patterns = Object.keys(factors);
  if (patterns.length === 0) throw new ConfigError(`${op}: there must be a pattern of paths; got none.`);
  const range = { min: 0 };
  const hyper = hyperSet(
    op,
    Object.fromEntries(
      Object.entries(factors).map(([pattern, factor]) => [pattern, [factor, range] as const]),
    ),
  );
  const takes = patterns.map((pattern) => picker(op, pattern).takes);
  return {
    traits: { name: op, schedules: hyper.schedules },
    init(params) {
      const { leaves, paths } = flattenTree(params);
      const first = paths.map((path, at) => takes.findIndex((take) => take(path, leaves[at] as Tensor)));
      for (const [index, pattern] of patterns.entries()) {
        checkPattern(op, pattern.replace(/^!/, ""), paths);
        if (first.includes(index)) continue;
        throw new ConfigError(
          `${op}: "${pattern}" must take a parameter; patterns before it take all that it matches.`,
        );
      }
      return hyper.init(deviceOfTree(op, params));
    },
    update(grads, state, params) {
      const now = hyper.at(state);
      const { paths } = flattenTree(params);
      let at = 0;
      const updates = mapTensors(
        op,
        (g, p) => {
          const path = paths[at++] as string;
          const index = takes.findIndex((take) => take(path, p as Tensor));
          return index < 0 ? g : g.mul(now.value(patterns[index] as string));
        },
        grads,
        params,
      );
      return [updates, now.next];
    },
  };
}
