/** Optimizers by name, for `--optimizer`. */
import { adam, adamW, type Optimizer, rmsprop, sgd } from "../optim/index.ts";
import { suggestion } from "../train/index.ts";
import { UsageError } from "./exit.ts";

const optimizers = {
  sgd: (rate?: number) => sgd(rate),
  momentum: (rate?: number) => sgd(rate, { momentum: 0.9 }),
  rmsprop: (rate?: number) => rmsprop(rate),
  adam: (rate?: number) => adam(rate),
  adamw: (rate?: number) => adamW(rate),
} as const satisfies Record<string, (rate?: number) => Optimizer>;

export const optimizerNames = Object.keys(optimizers);

/** The optimizer of that name with its defaults but for the learning rate. Throws UsageError for an unknown one. */
export function optimizerByName(name: string, learningRate?: number): Optimizer {
  const known = name.toLowerCase() as keyof typeof optimizers;
  if (!Object.hasOwn(optimizers, known)) {
    throw new UsageError(`--optimizer: there is no "${name}".${suggestion(name, optimizerNames)}`);
  }
  return optimizers[known](learningRate);
}
