/** chain: optimizers and links one after the other. */

import type { Alternation } from "./edge-of-stability.ts";
import type { Optimizer, State, TensorTree } from "./optimizer.ts";
import { checkOrder, stageOfChain } from "./order.ts";
import { contextOf, type StepContext } from "./step-context.ts";

/**
 * Feeds each link's updates to the next; the state is the list of theirs. Clipping comes first, the learning rate last.
 * A chain is an optimizer, so chains nest.
 * @throws ConfigError for links that conflict: two learning rates, gradients clipped or decay added after the learning rate, a constraint
 * before it, or two decays of all parameters.
 * @example chain(clipByGlobalNorm(1), adamW(1e-3));
 */
export function chain(...links: readonly Optimizer[]): Optimizer<readonly State[]> {
  checkOrder(links);
  return {
    traits: { name: "chain", stage: stageOfChain(links), parts: links },
    init: (params) => links.map((link) => link.init(params)),
    update<P extends TensorTree>(
      grads: P,
      state: readonly State[],
      params: P,
      at?: StepContext,
    ): [P, readonly State[]] {
      let updates = grads;
      const next = links.map((link, index) => {
        const [changed, own] = link.update(updates, state[index] as State, params, contextOf(at, index));
        updates = changed;
        return own;
      });
      return [updates, next];
    },
    alternation: (before, state, grads) =>
      links.reduce<Alternation | null>(
        (sofar, link, index) => sofar && (link.alternation?.(sofar, state[index] as State, grads) ?? null),
        before,
      ),
  };
}
