/** perParameter: one optimizer with other options for some parameters. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, flattenTree, mapTree } from "../../util/index.ts";
import { checkPattern, picker } from "../links/which.ts";
import type { Optimizer, State, TensorTree } from "../optimizer.ts";
import { commonStage } from "../order.ts";
import { contextOfPart, type StepContext } from "../step-context.ts";

/** The key of what no pattern takes. */
const REST = "others";

/**
 * Each parameter is trained by `make(options)` with the options of all patterns that take it, later ones before earlier ones; where none
 * does, by `make({})`. The state is a record by the patterns of each group ("head/** + **\/bias", "others"), and so are names of
 * hyper-parameters: `setHyperparameter(state, "head/**\/1/learningRate", 1e-3)`. What a link sees of the whole tree (a global norm) is
 * that of its group (clip before), and the loss a function of its parameters. State: that of the optimizer. PyTorch: parameter groups.
 * @throws ConfigError without a pattern; from `init` for a pattern that takes nothing.
 * @example
 * perParameter({ "head/**": { learningRate: 1e-3 }, "**\/bias": { weightDecay: 0 } }, ({ learningRate = 1e-4, ...options }) =>
 *   adamW(learningRate, options),
 * );
 */
export function perParameter<O extends object>(
  options: Readonly<Record<string, Partial<O>>>,
  make: (options: Partial<O>) => Optimizer,
): Optimizer<Readonly<Record<string, State>>> {
  const op = "perParameter";
  const patterns = Object.keys(options);
  if (patterns.length === 0) throw new ConfigError(`${op}: there must be a pattern of paths; got none.`);
  const takes = patterns.map((pattern) => picker(op, pattern).takes);
  const parts = [make({}), ...Object.values(options).map((own) => make(own))];

  /** The optimizer of each group, made once. */
  const made = new Map<string, Optimizer>();
  const optimizerOf = (group: string): Optimizer => {
    const known = made.get(group);
    if (known) return known;
    const own = group === REST ? [] : group.split(" + ").map((pattern) => options[pattern]);
    const optimizer = make(Object.assign({}, ...own));
    made.set(group, optimizer);
    return optimizer;
  };
  const groupsOf = (params: TensorTree): string[] => {
    const { leaves, paths } = flattenTree(params);
    return paths.map((path, at) => {
      const taking = patterns.filter((_, index) => takes[index]?.(path, leaves[at] as Tensor));
      return taking.join(" + ") || REST;
    });
  };
  /** The leaves of one group by path. */
  const membersOf = (tree: TensorTree, groups: readonly string[], group: string): Record<string, Tensor> => {
    const { leaves, paths } = flattenTree(tree);
    return Object.fromEntries(
      paths.flatMap((path, at) => (groups[at] === group ? [[path, leaves[at] as Tensor]] : [])),
    );
  };
  return {
    traits: { name: op, stage: commonStage(op, parts), parts },
    init(params) {
      for (const pattern of patterns) checkPattern(op, pattern.replace(/^!/, ""), flattenTree(params).paths);
      const groups = groupsOf(params);
      return Object.fromEntries(
        [...new Set(groups)].map((group) => [
          group,
          optimizerOf(group).init(membersOf(params, groups, group)),
        ]),
      );
    },
    update<P extends TensorTree>(
      grads: P,
      state: Readonly<Record<string, State>>,
      params: P,
      at?: StepContext,
    ): [P, Readonly<Record<string, State>>] {
      const groups = groupsOf(params);
      const updates: Record<string, Tensor> = {};
      const next: Record<string, State> = {};
      // In the order of the parameters, which loading a state does not change.
      for (const [part, group] of [...new Set(groups)].entries()) {
        const [own, ownParams] = [membersOf(grads, groups, group), membersOf(params, groups, group)];
        const inside = contextOfPart(at, part, params);
        const before = state[group] as State;
        const [changed, after] = optimizerOf(group).update(own, before, ownParams, inside);
        Object.assign(updates, changed);
        next[group] = after;
      }
      return [mapTree<P>(grads, (_, path) => updates[path]), next];
    },
  };
}
