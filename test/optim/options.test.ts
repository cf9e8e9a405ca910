/** Every factory: names that are no option, numbers that are none, and numbers out of range are errors that say so. */
import * as optim from "nabla/optim";
import {
  accumulate,
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamax,
  adamW,
  adaptiveGradientClip,
  addDecayedWeights,
  clampParameters,
  clipByBlockRms,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
  cmaES,
  dadaptAdamW,
  ema,
  gaussNewtonBartlett,
  genetic,
  gradientNoise,
  lamb,
  lars,
  layerWise,
  lion,
  lookahead,
  maxNorm,
  muLambda,
  muon,
  nadam,
  nonNegative,
  openaiES,
  polyakSgd,
  prodigy,
  proximal,
  radam,
  relativeStep,
  rmsprop,
  rprop,
  sam,
  scaleByAdadelta,
  scaleByAdagrad,
  scaleByAdam,
  scaleByAdamax,
  scaleByFactoredRms,
  scaleByLearningRate,
  scaleByLion,
  scaleByMuon,
  scaleByNadam,
  scaleByRadam,
  scaleByRms,
  scaleByShampoo,
  scaleBySoap,
  scaleBySophia,
  scaleByTrustRatio,
  scheduleFree,
  scheduleFreeAdamW,
  scheduleFreeSgd,
  sgd,
  shampoo,
  sharpnessAware,
  shrinkAndPerturb,
  soap,
  sophia,
  swa,
  switchAt,
  traceMomentum,
  unitNorm,
} from "nabla/optim";
import { describe, expect, test } from "vitest";
import { ConfigError, nearest } from "../../src/util/index.ts";

type Options = Record<string, number>;
/** How to make one, with numeric options; those that must be given have a value that fits. */
interface Face {
  readonly make: (options: Options) => unknown;
  /** The name in errors, and what each option is called there, where they differ. */
  readonly numbers?: readonly string[];
  readonly given?: Options;
  /** Names that begin with another's: options of what it is made of. */
  readonly alias?: Readonly<Record<string, string>>;
}
const adamLike = ["beta1", "beta2", "epsilon"];
const decay = ["weightDecay"];
const shampooLike = [
  ...["beta2", "blockSize", "every", "start"],
  ...["ridge", "matrixEpsilon", "diagonalEpsilon"],
];
const soapLike = [...adamLike, "shampooBeta", "every", "maxPreconditionerDim"];
const sophiaLike = [...adamLike, "gamma", "clipThreshold", "every"];
const of = (
  make: (options: Options) => unknown,
  numbers: readonly string[] = [],
  more: Partial<Face> = {},
) => ({
  make,
  numbers,
  ...more,
});

const faces: Readonly<Record<string, Face>> = {
  accumulate: of((o) => accumulate(adam(), { every: 2, ...o }), ["every"]),
  adadelta: of((o) => adadelta(1, o), ["rho", "epsilon", ...decay]),
  adafactor: of((o) => adafactor(1, o), ["epsilon", "parameterEpsilon", "clippingThreshold", ...decay], {
    alias: { clippingThreshold: "threshold" },
  }),
  adagrad: of((o) => adagrad(1, o), ["lrDecay", "initialAccumulatorValue", "epsilon", ...decay]),
  adam: of((o) => adam(1, o), adamLike),
  adamW: of((o) => adamW(1, o), [...adamLike, ...decay]),
  adamax: of((o) => adamax(1, o), [...adamLike, ...decay]),
  adaptiveGradientClip: of((o) => adaptiveGradientClip(1, o), ["epsilon"]),
  addDecayedWeights: of((o) => addDecayedWeights(1, o)),
  clampParameters: of((o) => clampParameters(0, 1, o)),
  cmaES: of((o) => cmaES(o), ["sigma", "population", "seed"]),
  dadaptAdamW: of((o) => dadaptAdamW(1, o), [...adamLike, "estimLr0", ...decay]),
  ema: of((o) => ema(adam(), o), ["decay"]),
  genetic: of(
    (o) => genetic(o),
    ["population", "elites", "tournament", "crossoverRate", "mutationRate", "sigma"],
  ),
  gradientNoise: of((o) => gradientNoise(o), ["eta", "gamma"]),
  lamb: of((o) => lamb(1, o), [...adamLike, ...decay]),
  lars: of((o) => lars(1, o), ["momentum", "trustCoefficient", "epsilon", ...decay]),
  layerWise: of((o) => layerWise(o), ["decay"]),
  lion: of((o) => lion(1, o), ["beta1", "beta2", ...decay]),
  lookahead: of((o) => lookahead(adam(), o), ["syncPeriod", "slowStepSize"]),
  maxNorm: of((o) => maxNorm(1, o)),
  muLambda: of((o) => muLambda(o), ["parents", "population", "sigma", "seed"]),
  muon: of((o) => muon(1, o), ["momentum", "steps", "epsilon", ...decay]),
  nadam: of((o) => nadam(1, o), [...adamLike, "momentumDecay", ...decay]),
  nonNegative: of((o) => nonNegative(o)),
  openaiES: of((o) => openaiES(o), ["population", "sigma", "learningRate", "weightDecay", "seed"]),
  polyakSgd: of((o) => polyakSgd(1, o), ["maxLearningRate", "epsilon"]),
  prodigy: of((o) => prodigy(1, o), [...adamLike, "beta3", "estimLr0", "estimLrCoef", ...decay]),
  proximal: of((o) => proximal({ learningRate: 1, ...o }), ["l1", "l2", "learningRate"]),
  radam: of((o) => radam(1, o), [...adamLike, ...decay]),
  relativeStep: of((o) => relativeStep(1, o), ["parameterEpsilon", ...decay]),
  rmsprop: of((o) => rmsprop(1, o), ["alpha", "epsilon", "momentum", ...decay]),
  rprop: of((o) => rprop(1, o)),
  sam: of((o) => sam(() => [] as never, o), ["rho"]),
  scaleByAdadelta: of((o) => scaleByAdadelta(o), ["rho", "epsilon"]),
  scaleByAdagrad: of((o) => scaleByAdagrad(o), ["lrDecay", "initialAccumulatorValue", "epsilon"]),
  scaleByAdam: of((o) => scaleByAdam(o), adamLike),
  scaleByAdamax: of((o) => scaleByAdamax(o), adamLike),
  scaleByFactoredRms: of((o) => scaleByFactoredRms(o), ["epsilon"]),
  scaleByLion: of((o) => scaleByLion(o), ["beta1", "beta2"]),
  scaleByMuon: of((o) => scaleByMuon(o), ["momentum", "steps", "epsilon"]),
  scaleByNadam: of((o) => scaleByNadam(o), [...adamLike, "momentumDecay"]),
  scaleByRadam: of((o) => scaleByRadam(o), adamLike),
  scaleByRms: of((o) => scaleByRms(o), ["alpha", "epsilon"]),
  scaleByShampoo: of((o) => scaleByShampoo(o), shampooLike),
  scaleBySoap: of((o) => scaleBySoap(o), soapLike),
  scaleBySophia: of((o) => scaleBySophia(o), sophiaLike),
  scaleByTrustRatio: of((o) => scaleByTrustRatio(o), ["trustCoefficient", "epsilon", "minNorm"]),
  scheduleFree: of((o) => scheduleFree(scaleByRms(), 1, o), ["beta1", "weightLrPower"]),
  scheduleFreeAdamW: of((o) => scheduleFreeAdamW(1, o), [...adamLike, "weightLrPower", ...decay], {
    alias: { beta2: "alpha" },
  }),
  scheduleFreeSgd: of((o) => scheduleFreeSgd(1, o), ["beta1", "weightLrPower", ...decay]),
  shampoo: of((o) => shampoo(1, o), [...shampooLike, "momentum", ...decay]),
  sharpnessAware: of((o) => sharpnessAware(sgd(), o), ["rho"]),
  shrinkAndPerturb: of((o) => shrinkAndPerturb({}, o), ["shrink", "deviation"]),
  sgd: of((o) => sgd(1, { momentum: 0.9, ...o }), ["momentum", ...decay]),
  soap: of((o) => soap(1, o), [...soapLike, ...decay]),
  sophia: of((o) => sophia(1, o), [...sophiaLike, ...decay]),
  swa: of((o) => swa(adam(), { start: 1, ...o }), ["start", "every"]),
  traceMomentum: of((o) => traceMomentum(0.9, o)),
  unitNorm: of((o) => unitNorm(o)),
};

/** Those of a number alone. */
const ofNumber: Readonly<Record<string, (value: number) => unknown>> = {
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamW,
  adamax,
  dadaptAdamW,
  lamb,
  lars,
  lion,
  muon,
  nadam,
  polyakSgd,
  prodigy,
  radam,
  relativeStep,
  rmsprop,
  rprop,
  scaleByLearningRate,
  scheduleFreeAdamW,
  scheduleFreeSgd,
  sgd,
  shampoo,
  soap,
  sophia,
  gaussNewtonBartlett,
  adaptiveGradientClip,
  addDecayedWeights,
  clipByBlockRms,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
  maxNorm,
  traceMomentum,
  clampParameters: (value) => clampParameters(value, -2),
  switchAt: (value) => switchAt(value, adam(), sgd()),
};

/** What is no optimizer, link or search, or has its own tests: functions on states and parameters, and schedules. */
const others = [
  [
    "applyUpdates",
    "edgeOfStability",
    "averagedParameters",
    "evaluationParams",
    "globalNorm",
    "newtonSchulz",
    "hyperparameters",
  ],
  [
    "setHyperparameter",
    "elasticNet",
    "l1Penalty",
    "l2Penalty",
    "centralise",
    "chain",
    "partition",
    "lbfgs",
    "checkSteps",
    "perParameter",
    "scaleByPath",
    "scheduleNotes",
  ],
  ["evaluatedParameters", "keepsAverages", "restartAverages", "withLearningRateTimes"],
  ["eigh", "inversePthRoot", "qr", "hessianTimes", "hutchinson"],
  ["evolutionFromJson", "evolutionToJson", "minimise", "parametersToVector", "vectorToParameters"],
  ["byEpoch", "bySamples", "bySeconds", "clamp", "constant", "cosine", "cosineWarmRestarts", "cyclical"],
  [
    "exponentialDecay",
    "exponentialGrowth",
    "inverseSqrt",
    "inverseTime",
    "join",
    "linear",
    "multiStep",
    "noam",
  ],
  [
    "oneCycle",
    "oneCycleMomentum",
    "piecewise",
    "plot",
    "polynomial",
    "powersOfTwo",
    "scale",
    "schedule",
    "stepDecay",
  ],
  ["warmup", "warmupCosine"],
].flat();

test("every factory is in this sweep", () => {
  const functions = Object.entries(optim).filter(([, value]) => typeof value === "function");
  const swept = new Set([...Object.keys(faces), ...Object.keys(ofNumber), ...others]);
  expect(functions.map(([name]) => name).filter((name) => !swept.has(name))).toEqual([]);
});

const thrown = (make: () => unknown): Error => {
  try {
    make();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
};

describe.each(Object.keys(faces))("%s", (name) => {
  const { make, numbers = [], alias = {} } = faces[name] as Face;

  test("takes what it has, and names the nearest for what it has not", () => {
    expect(() => make({})).not.toThrow();
    const error = thrown(() => make({ noSuchThing: 1 }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(
      new RegExp(`^${name}: there is no option "noSuchThing". It must be one of `),
    );
    const known = error.message.replace(/.* one of |\.$/g, "").split(", ");
    for (const option of numbers) {
      expect(known).toContain(option);
      const wrong = `${option}s`.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      const best = nearest(wrong, known);
      expect(thrown(() => make({ [wrong]: 1 })).message).toBe(
        `${name}: there is no option "${wrong}". Did you mean "${best}"?`,
      );
      expect(best).toBe(option);
    }
  });

  if (numbers.length > 0) {
    test.each(numbers)("%s must be a number in its range", (option) => {
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1, "1" as unknown as number]) {
        const error = thrown(() => make({ [option]: value }));
        expect(error).toBeInstanceOf(ConfigError);
        expect(error.message).toContain(alias[option] ?? option);
        expect(error.message).toContain(`got ${value}`);
      }
    });
  }
});

test.each(Object.keys(ofNumber))("%s of a number", (name) => {
  const make = ofNumber[name] as (value: number) => unknown;
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
    const error = thrown(() => make(value));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain(`got ${value}`);
  }
});
