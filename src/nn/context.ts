/** Context: what a forward pass knows besides its input: the mode, randomness and where new state goes. */
import { random, type Tensor, tensor } from "../engine/tensor/index.ts";
import { ConfigError } from "../util/index.ts";
import { hashPath } from "./hash.ts";
import type { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

export interface ContextOptions {
  /** Training (dropout drops, statistics move) or not. Default false. */
  readonly train?: boolean;
  /** Where randomness comes from: a key tensor or a seed. A layer that needs it and finds none throws. */
  readonly key?: Tensor | number;
  /** The step of training, for what follows a schedule: 0-d i32 or a number, 0 for the first. */
  readonly step?: Tensor | number;
}

export interface Context {
  readonly train: boolean;
  /** The step of training, 0-d, where it was given. */
  readonly step?: Tensor | undefined;
  /**
   * A fresh key for `owner`, derived from its path and how often it asked before: adding a layer elsewhere does not change it.
   * Throws ConfigError when the context was made without a key.
   */
  key(owner: Module<never, unknown>): Tensor;
  /** Records the next value of a buffer; the buffer itself is unchanged until `model.load(ctx.updates())`. */
  put(target: Parameter, next: Tensor): void;
  /** The value put last, or else the current one: for state that is read and written several times in a pass. */
  get(target: Parameter): Tensor;
  /** Everything put so far, by path. */
  updates(): Record<string, Tensor>;
  /** Runs each plain function that stands as a layer, where set: how a summary sees what is no module. */
  readonly around?: ((layer: (x: Tensor) => Tensor, path: string, run: () => Tensor) => Tensor) | undefined;
}

/**
 * A context for one forward pass. Without options: inference.
 * @example
 * const ctx = context({ train: true, key: random.key(0) });
 * const logits = model.forward(x, ctx);
 * model.load(ctx.updates());
 */
export function context(options: ContextOptions = {}): Context {
  const root = typeof options.key === "number" ? random.key(options.key) : options.key;
  const asked = new Map<Module<never, unknown>, number>();
  const put = new Map<Parameter, Tensor>();
  return {
    train: options.train ?? false,
    step: typeof options.step === "number" ? tensor(options.step, { dtype: "i32" }) : options.step,
    key(owner) {
      if (root === undefined) {
        throw new ConfigError(
          `${owner.label}: a random key must be given when training; got none. Pass context({ train: true, key }).`,
        );
      }
      const times = asked.get(owner) ?? 0;
      asked.set(owner, times + 1);
      const own = random.foldIn(root, hashPath(owner.path));
      return times === 0 ? own : random.foldIn(own, times);
    },
    put(target, next) {
      if (!(target instanceof Parameter)) {
        throw new ConfigError("ctx.put: the target must be a Parameter of the model (see buffer()).");
      }
      put.set(target, next);
    },
    get: (target) => put.get(target) ?? target.value,
    updates: () => Object.fromEntries([...put].map(([target, next]) => [target.path, next])),
  };
}
