/** What of an experiment races. */
import {
  type CompareParts,
  type Experiment,
  experimentData,
  experimentModel,
  inMemory,
} from "../train/index.ts";

/** The experiment's parts, its data made; callbacks take no part. Throws ConfigError as those do. */
export async function raceParts(experiment: Experiment): Promise<CompareParts> {
  const { train, validation, test } = await experimentData(experiment);
  const { loss, shuffle, dropLast, augment } = experiment;
  return {
    model: () => experimentModel(experiment),
    loss,
    train: inMemory("compare", train),
    augment,
    validation: validation ?? test,
    shuffle,
    dropLast,
  };
}
