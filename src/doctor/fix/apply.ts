/** applyRemedies: an experiment with remedies taken, as a new experiment. */
import {
  defineExperiment,
  type Experiment,
  earlyStopping,
  experimentData,
  experimentModel,
} from "../../train/index.ts";
import { ConfigError } from "../../util/index.ts";
import { type Remedy, remedyWords } from "../remedy.ts";
import { remedyOfData } from "./data.ts";
import { remedyOfModel } from "./model.ts";
import { remedyOfOptimizer } from "./optimizer.ts";

/**
 * The experiment with remedies taken, one after the other. Data and model are changed when they are made.
 * @throws ConfigError for advice, which only a person can take, for a model that is no function, and where an experiment has nothing that a
 * remedy is for (for changes of data and model: when they are made).
 * @example export default applyRemedies(experiment, [{ kind: "clip-gradients", maxNorm: 1 }]);
 */
export function applyRemedies(experiment: Experiment, remedies: readonly Remedy[]): Experiment {
  return defineExperiment(remedies.reduce(applyOne, experiment));
}

function applyOne(experiment: Experiment, remedy: Remedy): Experiment {
  const ofModel = remedyOfModel(remedy);
  if (ofModel) {
    if (typeof experiment.model !== "function") {
      throw new ConfigError("applyRemedies: model must be a function that makes one, to be changed.");
    }
    return { ...experiment, model: () => ofModel(experimentModel(experiment)) };
  }
  const ofOptimizer = remedyOfOptimizer(remedy);
  if (ofOptimizer) return { ...experiment, optimizer: ofOptimizer(experiment.optimizer) };
  const ofData = remedyOfData(remedy);
  if (ofData) return { ...experiment, data: async () => ofData(await experimentData(experiment)) };
  switch (remedy.kind) {
    case "shuffle": {
      const { sampler: _, ...rest } = experiment;
      return { ...rest, shuffle: true };
    }
    case "batch-size": {
      const { batchSize = 32 } = experiment;
      if (typeof batchSize !== "number") {
        throw new ConfigError("applyRemedies: batchSize must be a number to be multiplied.");
      }
      return { ...experiment, batchSize: Math.max(1, Math.round(batchSize * remedy.factor)) };
    }
    case "early-stopping":
      return {
        ...experiment,
        callbacks: [...(experiment.callbacks ?? []), earlyStopping({ patience: remedy.patience })],
      };
    default:
      throw new ConfigError(
        `applyRemedies: must be something a program can do; got: ${remedyWords(remedy)}.`,
      );
  }
}
