/** partition: different optimizers for different parameters. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, flattenTree, mapTree, pathMatcher } from "../../util/index.ts";
import type { Optimizer, State, TensorTree } from "../optimizer.ts";

/** The parameters whose paths match the pattern, and their optimizer. */
export type Part = readonly [pattern: string, optimizer: Optimizer];

/**
 * Each parameter goes to the first part whose pattern matches its path: `*` within a part of a path, `**` for any number of them; a
 * pattern takes all that is below it. State: that of each optimizer for its own parameters. What a link sees of the whole tree (a global
 * norm) is then that of its parameters. optax: `partition`; PyTorch: parameter groups.
 * @throws ConfigError (from `init`) for a pattern that picks nothing, and for a parameter that no pattern picks.
 * @example partition(["**\/bias", sgd(0.1)], ["head", adamW(1e-3)], ["**", adamW(1e-4, { weightDecay: 0.1 })]);
 */
export function partition(...parts: readonly Part[]): Optimizer<readonly State[]> {
  const matchers = parts.map(([pattern]) => pathMatcher(pattern));
  const ownerOf = (path: string): number => matchers.findIndex((matches) => matches(path));
  /** The leaves of each part by path. */
  const divide = (tree: TensorTree): Record<string, Tensor>[] => {
    const { leaves, paths } = flattenTree(tree);
    const divided = parts.map((): Record<string, Tensor> => ({}));
    paths.forEach((path, at) => {
      const own = divided[ownerOf(path)];
      if (own === undefined) {
        throw new ConfigError(
          `partition: a pattern must match every parameter; none of ${listed(parts.map(([pattern]) => pattern))} matches "${path}". Add ["**", optimizer] for the rest.`,
        );
      }
      own[path] = leaves[at] as Tensor;
    });
    return divided;
  };
  return {
    init(params) {
      return divide(params).map((own, index) => {
        const [pattern, optimizer] = parts[index] as Part;
        if (Object.keys(own).length > 0) return optimizer.init(own);
        const { paths } = flattenTree(params);
        const taken = paths.some(pathMatcher(pattern));
        throw new ConfigError(
          `partition: "${pattern}" must match a parameter; ${taken ? "patterns before it have all that it matches" : `there are ${listed(paths)}`}.`,
        );
      });
    },
    update<P extends TensorTree>(grads: P, state: readonly State[], params: P): [P, readonly State[]] {
      const [ownGrads, ownParams] = [divide(grads), divide(params)];
      const updates: Record<string, Tensor> = {};
      const next = parts.map(([, optimizer], index) => {
        const own = ownGrads[index] as Record<string, Tensor>;
        const [changed, after] = optimizer.update(own, state[index] as State, ownParams[index] as typeof own);
        Object.assign(updates, changed);
        return after;
      });
      return [mapTree<P>(grads, (_, path) => updates[path]), next];
    },
  };
}

const MOST_LISTED = 8;
function listed(names: readonly string[]): string {
  const some = names.slice(0, MOST_LISTED).map((name) => `"${name}"`);
  return some.join(", ") + (names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} more` : "");
}
