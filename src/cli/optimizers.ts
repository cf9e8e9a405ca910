/** Optimizers by name, for `--optimizer`. */
import {
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamax,
  adamW,
  dadaptAdamW,
  lamb,
  lars,
  lion,
  muon,
  nadam,
  type Optimizer,
  polyakSgd,
  prodigy,
  radam,
  rmsprop,
  rprop,
  scheduleFreeAdamW,
  scheduleFreeSgd,
  sgd,
  shampoo,
  soap,
  sophia,
} from "../optim/index.ts";
import { suggestion } from "../train/index.ts";
import { UsageError } from "./exit.ts";

const optimizers = {
  sgd: (rate?: number) => sgd(rate),
  momentum: (rate?: number) => sgd(rate, { momentum: 0.9 }),
  nesterov: (rate?: number) => sgd(rate, { momentum: 0.9, nesterov: true }),
  rmsprop: (rate?: number) => rmsprop(rate),
  adagrad: (rate?: number) => adagrad(rate),
  adadelta: (rate?: number) => adadelta(rate),
  adam: (rate?: number) => adam(rate),
  amsgrad: (rate?: number) => adam(rate, { amsgrad: true }),
  adamw: (rate?: number) => adamW(rate),
  adamax: (rate?: number) => adamax(rate),
  nadam: (rate?: number) => nadam(rate),
  radam: (rate?: number) => radam(rate),
  lion: (rate?: number) => lion(rate),
  lamb: (rate?: number) => lamb(rate ?? 1e-3),
  lars: (rate?: number) => lars(rate ?? 0.1),
  adafactor: (rate?: number) => adafactor(rate),
  muon: (rate?: number) => muon(rate),
  shampoo: (rate?: number) => shampoo(rate),
  soap: (rate?: number) => soap(rate),
  sophia: (rate?: number) => sophia(rate),
  "schedule-free-sgd": (rate?: number) => scheduleFreeSgd(rate),
  "schedule-free-adamw": (rate?: number) => scheduleFreeAdamW(rate),
  "polyak-sgd": (rate?: number) => polyakSgd(rate),
  prodigy: (rate?: number) => prodigy(rate),
  "dadapt-adamw": (rate?: number) => dadaptAdamW(rate),
  rprop: (rate?: number) => rprop(rate),
} as const satisfies Record<string, (rate?: number) => Optimizer>;

export const optimizerNames: readonly string[] = Object.keys(optimizers);

/** The optimizer of that name with its defaults but for the learning rate. Throws UsageError for an unknown one. */
export function optimizerByName(name: string, learningRate?: number): Optimizer {
  const known = name.toLowerCase() as keyof typeof optimizers;
  if (!Object.hasOwn(optimizers, known)) {
    throw new UsageError(`--optimizer: there is no "${name}".${suggestion(name, optimizerNames)}`);
  }
  return optimizers[known](learningRate);
}

const adaptive = [3e-4, 1e-3, 3e-3, 1e-2];
const descent = [0.01, 0.03, 0.1, 0.3];

/** Rates worth a try where none are given: about the usual ones of each kind. */
const rates: Partial<Record<keyof typeof optimizers, readonly number[]>> = {
  sgd: descent,
  momentum: descent,
  nesterov: descent,
  adagrad: [3e-3, 1e-2, 3e-2, 0.1],
  adadelta: [0.3, 1, 3],
  lion: [3e-5, 1e-4, 3e-4, 1e-3],
  lars: [0.1, 0.3, 1, 3],
  lamb: [1e-3, 3e-3, 1e-2, 3e-2],
  adafactor: [3e-3, 1e-2, 3e-2],
  muon: [3e-3, 1e-2, 3e-2],
  shampoo: [3e-4, 1e-3, 3e-3],
  sophia: [3e-4, 1e-3, 3e-3],
  "schedule-free-sgd": [0.3, 1, 3],
  "polyak-sgd": [0.5, 1],
  prodigy: [1],
  "dadapt-adamw": [1],
  rprop: [1e-3, 1e-2],
};

/** For the optimizer of that name. */
export const learningRatesOf = (name: string): readonly number[] =>
  rates[name as keyof typeof optimizers] ?? adaptive;
