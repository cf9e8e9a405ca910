/** partition: different optimizers for different parameters. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, flattenTree, mapTree } from "../../util/index.ts";
import { listed, picker, type Which } from "../links/which.ts";
import type { Optimizer, State, TensorTree } from "../optimizer.ts";
import { commonStage } from "../order.ts";
import { contextOfPart, type StepContext } from "../step-context.ts";

/** Which parameters, by a pattern of paths or by path and value, and their optimizer. */
export type Part = readonly [which: Which, optimizer: Optimizer];

/**
 * Each parameter goes to the first part that takes it. In a pattern `*` stands within a part of a path, `**` for any number of parts, and
 * it takes all that is below it. State: that of each optimizer for its own parameters. What a link sees of the whole tree (a global norm)
 * is then that of its parameters, and the loss a function of them. optax: `partition`; PyTorch: parameter groups.
 * @throws ConfigError (from `init`) for a pattern that picks nothing, and for a parameter that no part takes.
 * @example partition(["**\/bias", sgd(0.1)], ["head", adamW(1e-3)], ["**", adamW(1e-4, { weightDecay: 0.1 })]);
 */
export function partition(...parts: readonly Part[]): Optimizer<readonly State[]> {
  const op = "partition";
  const pickers = parts.map(([which]) => picker(op, which));
  const optimizers = parts.map(([, optimizer]) => optimizer);
  /** The part of each leaf, in order. */
  const owners = (params: TensorTree): number[] => {
    const { leaves, paths } = flattenTree(params);
    return paths.map((path, at) => {
      const owner = pickers.findIndex(({ takes }) => takes(path, leaves[at] as Tensor));
      if (owner >= 0) return owner;
      throw new ConfigError(
        `partition: a part must take every parameter; none of ${parts.map(([which]) => described(which)).join(", ")} takes "${path}". Add ["**", optimizer] for the rest.`,
      );
    });
  };
  /** The leaves of each part by path. */
  const divide = (tree: TensorTree, owner: readonly number[]): Record<string, Tensor>[] => {
    const { leaves, paths } = flattenTree(tree);
    const own = (part: number) =>
      paths.flatMap((path, at) => (owner[at] === part ? [[path, leaves[at]]] : []));
    return parts.map((_, part) => Object.fromEntries(own(part)) as Record<string, Tensor>);
  };
  return {
    traits: { name: op, stage: commonStage(op, optimizers), parts: optimizers },
    init(params) {
      for (const { check } of pickers) check(params);
      const owner = owners(params);
      for (const [part, [which]] of parts.entries()) {
        if (typeof which === "function" || owner.includes(part)) continue;
        throw new ConfigError(
          `partition: ${described(which)} must take a parameter; parts before it take all that it matches.`,
        );
      }
      const divided = divide(params, owner);
      return parts.map(([, optimizer], part) =>
        owner.includes(part) ? optimizer.init(divided[part] as TensorTree) : [],
      );
    },
    update<P extends TensorTree>(
      grads: P,
      state: readonly State[],
      params: P,
      at?: StepContext,
    ): [P, readonly State[]] {
      const owner = owners(params);
      const [ownGrads, ownParams] = [divide(grads, owner), divide(params, owner)];
      const updates: Record<string, Tensor> = {};
      const next = parts.map(([, optimizer], part) => {
        const before = state[part] as State;
        if (!owner.includes(part)) return before;
        const own = ownGrads[part] as Record<string, Tensor>;
        const [changed, after] = optimizer.update(
          own,
          before,
          ownParams[part] as typeof own,
          contextOfPart(at, part, params),
        );
        Object.assign(updates, changed);
        return after;
      });
      return [mapTree<P>(grads, (_, path) => updates[path]), next];
    },
  };
}

const described = (which: Which): string =>
  typeof which === "function" ? "a function" : listed(typeof which === "string" ? [which] : which);
