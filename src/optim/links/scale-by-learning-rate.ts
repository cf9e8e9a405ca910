/** The last link of an optimizer: a step of the learning rate, downhill. */
import { alternationTimes } from "../edge-of-stability.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer } from "../optimizer.ts";

/**
 * u = -learningRate * g. No state per parameter.
 * @throws ConfigError for a negative learning rate.
 */
export function scaleByLearningRate(learningRate: Hyper): Optimizer<HyperState> {
  const hyper = hyperSet("scaleByLearningRate", { learningRate: [learningRate, { min: 0 }] });
  return {
    traits: { name: "scaleByLearningRate", stage: "step", schedules: hyper.schedules },
    init: (params) => hyper.init(deviceOfTree("scaleByLearningRate", params)),
    update(grads, state) {
      const now = hyper.at(state);
      const factor = now.value("learningRate").neg();
      return [mapTensors("scaleByLearningRate", (g) => g.mul(factor), grads), now.next];
    },
    alternation: (before, state) => alternationTimes(before, hyper.at(state).value("learningRate")),
  };
}
