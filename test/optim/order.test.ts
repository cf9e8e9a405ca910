/** Links that conflict are refused when they are put together, with both names; everything else is taken. */
import { tensor } from "nabla";
import {
  accumulate,
  adafactor,
  adam,
  adamW,
  adaptiveGradientClip,
  addDecayedWeights,
  centralise,
  chain,
  checkSteps,
  clampParameters,
  clipByBlockRms,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
  ema,
  gradientNoise,
  lars,
  lookahead,
  maxNorm,
  muon,
  nonNegative,
  type Optimizer,
  partition,
  perParameter,
  polyakSgd,
  prodigy,
  proximal,
  scaleByAdam,
  scaleByLearningRate,
  scaleByRms,
  scaleByShampoo,
  scaleBySoap,
  scaleBySophia,
  scaleByTrustRatio,
  scheduleFree,
  scheduleFreeAdamW,
  sgd,
  shampoo,
  sharpnessAware,
  soap,
  sophia,
  swa,
  switchAt,
  traceMomentum,
  unitNorm,
} from "nabla/optim";
import { expect, test } from "vitest";
import { ConfigError } from "../../src/util/index.ts";

/** One without traits, as users write them. */
const mine: Optimizer = { init: () => [], update: (grads, state) => [grads, state] };

test.each<readonly [() => unknown, string]>([
  [() => chain(adam(), sgd()), "chain: there must be one learning rate; got those of adam and sgd: "],
  [() => chain(adam(), scaleByLearningRate(0.1)), "got those of adam and scaleByLearningRate: "],
  [() => chain(chain(mine, adam()), mine, chain(prodigy())), "got those of adam and prodigy: "],
  [() => chain(lookahead(adam()), muon()), "got those of lookahead and muon: "],
  [() => chain(accumulate(adam(), { every: 2 }), adafactor()), "got those of accumulate and adafactor: "],
  [() => chain(soap(), shampoo()), "got those of soap and shampoo: "],
  [() => chain(sharpnessAware(sgd()), sophia()), "got those of sharpnessAware and sophia: "],
  [() => chain(sgd(), polyakSgd()), "got those of sgd and polyakSgd: "],
  [() => chain(addDecayedWeights(1e-4), sharpnessAware(soap())), "of addDecayedWeights and sharpnessAware. "],
  [() => chain(sgd(), scaleByShampoo()), "scaleByShampoo must come before sgd; "],
  [() => lookahead(scaleBySoap()), "steps downhill; got scaleBySoap without "],
  [() => lookahead(sharpnessAware(scaleBySophia())), "steps downhill; got sharpnessAware without "],
  [
    () => chain(adam(), clipByGlobalNorm(1)),
    "chain: clipByGlobalNorm must come before adam; got them the other",
  ],
  [() => chain(adam(), clipByNorm(1)), "clipByNorm must come before adam; "],
  [() => chain(adam(), clipByValue(1)), "clipByValue must come before adam; "],
  [() => chain(adam(), adaptiveGradientClip(1)), "adaptiveGradientClip must come before adam; "],
  [
    () => chain(scaleByAdam(), scaleByLearningRate(1), centralise()),
    "centralise must come before scaleByLearn",
  ],
  [() => chain(sgd(), gradientNoise()), "gradientNoise must come before sgd; "],
  [() => chain(sgd(), scaleByTrustRatio()), "scaleByTrustRatio must come before sgd; "],
  [() => chain(sgd(), addDecayedWeights(0.1)), "addDecayedWeights must come before sgd; "],
  [() => chain(maxNorm(1), sgd()), "chain: maxNorm must come after sgd; "],
  [() => chain(unitNorm(), mine, sgd()), "unitNorm must come after sgd; "],
  [() => chain(nonNegative(), traceMomentum(0.9)), "nonNegative must come after traceMomentum; "],
  [() => chain(clampParameters(0, 1), centralise()), "clampParameters must come after centralise; "],
  [() => chain(proximal({ l1: 1, learningRate: 1 }), sgd()), "proximal must come after sgd; "],
  [
    () => chain(addDecayedWeights(1e-4), adamW()),
    "chain: the parameters must decay once; got the decays of addDecayedWeights and adamW. ",
  ],
  [
    () => chain(addDecayedWeights(1e-4), ema(prodigy(1, { weightDecay: 0.1 }))),
    "addDecayedWeights and ema. ",
  ],
  [
    () => lookahead(scaleByAdam()),
    "lookahead: the optimizer must take steps downhill; got scaleByAdam without ",
  ],
  [() => ema(chain(clipByNorm(1), scaleByAdam())), "ema: the optimizer must take steps downhill; got chain "],
  [() => swa(centralise(), { start: 1 }), "swa: the optimizer must take steps downhill; got centralise "],
  [
    () => switchAt(3, adam(), scaleByRms()),
    "switchAt: all must have a learning rate or none; got adam with one and ",
  ],
  [
    () => partition(["a", sgd()], ["**", scaleByAdam()]),
    "partition: all must have a learning rate or none; got ",
  ],
  [
    () => scheduleFree(adam(), 1),
    "scheduleFree: the direction must have no learning rate of its own; got adam.",
  ],
  [
    () => checkSteps("Trainer", scaleByAdam()),
    "Trainer: the optimizer must take steps downhill; got scaleByAdam",
  ],
  [
    () => chain(adam as never),
    "chain: links must have init and update, as adam(1e-3) has; got function at 0.",
  ],
])("%s is refused", (make, message) => {
  expect(make).toThrow(ConfigError);
  expect(make).toThrow(message);
});

test.each<readonly [string, () => Optimizer]>([
  [
    "clipped gradients, a constraint last",
    () => chain(clipByGlobalNorm(1), adamW(), maxNorm(3), nonNegative()),
  ],
  [
    "directions clipped before the learning rate",
    () => chain(scaleByAdam(), clipByBlockRms(1), scaleByLearningRate(1)),
  ],
  ["momentum after the learning rate", () => chain(clipByNorm(1), lars(1))],
  ["L2 and a momentum", () => chain(addDecayedWeights(1e-4), sgd(0.1, { momentum: 0.9 }))],
  ["L2 and no decay", () => chain(addDecayedWeights(1e-4), adamW(1, { weightDecay: 0 }))],
  [
    "two decays, each of its own parameters",
    () => chain(addDecayedWeights(1e-4, { mask: "a" }), adamW(1, { mask: "b" })),
  ],
  ["L2 and decays of parts", () => chain(addDecayedWeights(1e-4), partition(["a", adamW()], ["**", sgd()]))],
  ["links of one's own anywhere", () => chain(mine, adam(), mine, maxNorm(1), mine)],
  ["lookahead of one's own", () => lookahead(ema(mine))],
  [
    "a direction that switches",
    () => chain(switchAt(3, scaleByAdam(), scaleByRms()), scaleByLearningRate(1)),
  ],
  ["lookahead in a part", () => partition(["a", lookahead(adam())], ["**", mine])],
  ["averages of a part", () => partition(["a", ema(adam())], ["**", scheduleFreeAdamW()])],
  ["averages of parameters by path", () => perParameter({ a: {} }, () => swa(adam(), { start: 1 }))],
  ["a schedule-free rest", () => muon(0.1, { others: chain(mine, scheduleFreeAdamW()) })],
  ["nothing", () => chain()],
])("%s is taken", async (_, make) => {
  const optimizer = make();
  checkSteps("test", optimizer);
  const params = { a: tensor([1, 2]), b: tensor([3]) };
  const [updates] = optimizer.update(params, optimizer.init(params), params);
  for (const value of await updates.a.data()) expect(Number.isFinite(value)).toBe(true);
});
