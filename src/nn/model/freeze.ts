/** freeze and unfreeze: which parameters training changes. */
import { ConfigError, pathMatcher } from "../../util/index.ts";
import { listed, type Module, namedParameters } from "../module.ts";

/**
 * Takes the parameters at these paths out of training, from the next `parameters()` on: no gradient is taken, the optimizer keeps no
 * state for them. A pattern is a path ("layers/0/weight"; "layers/0" is all below it) with `*` for any part and `**` for any parts.
 * Returns the paths it froze. Buffers are left alone; a batch norm whose weight and bias are frozen keeps its statistics too.
 *
 * A Trainer takes it over at the next `fit`; its optimizer starts anew then.
 * @throws ConfigError for a pattern that matches no parameter.
 * @example freeze(model, "layers/0"); // fine-tune the rest
 * @example freeze(model, ["**\/bias", "encoder/**"]);
 */
export function freeze(model: Module<never, unknown>, patterns: string | readonly string[]): string[] {
  return setTrainable("freeze", model, patterns, false);
}

/** Puts parameters back into training; see `freeze`. @example unfreeze(model, "**"); */
export function unfreeze(model: Module<never, unknown>, patterns: string | readonly string[]): string[] {
  return setTrainable("unfreeze", model, patterns, true);
}

function setTrainable(
  op: string,
  model: Module<never, unknown>,
  patterns: string | readonly string[],
  trainable: boolean,
): string[] {
  const weights = [...namedParameters(model)].filter(([, { isBuffer }]) => !isBuffer);
  const chosen = new Set<string>();
  for (const pattern of [patterns].flat()) {
    const found = weights.map(([path]) => path).filter(pathMatcher(pattern));
    if (found.length === 0) {
      throw new ConfigError(
        `${op}: a pattern must match a parameter; got "${pattern}". The model has ${listed(weights.map(([path]) => path))}.`,
      );
    }
    for (const path of found) chosen.add(path);
  }
  const changed = weights.filter(
    ([path, parameter]) => chosen.has(path) && parameter.trainable !== trainable,
  );
  for (const [, parameter] of changed) parameter.trainable = trainable;
  return changed.map(([path]) => path);
}
