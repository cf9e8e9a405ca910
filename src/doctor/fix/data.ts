/** Remedies that change data. What is fitted is fitted on the training part. */
import { Dataset, type HostArray, standardise } from "../../data/index.ts";
import { type ExperimentData, inMemory } from "../../train/index.ts";
import { ConfigError } from "../../util/index.ts";
import type { Remedy } from "../remedy.ts";

type Change = (part: Dataset) => Dataset;

/** Undefined for remedies of other kinds. */
export function remedyOfData(remedy: Remedy): ((data: ExperimentData) => ExperimentData) | undefined {
  const fitted = fittedBy(remedy);
  if (fitted === undefined) return undefined;
  return (data) => {
    const train = inMemory("applyRemedies", data.train);
    const change = fitted(train);
    return {
      ...data,
      train: change(train),
      ...(data.validation && { validation: change(data.validation) }),
      ...(data.test && { test: change(data.test) }),
    };
  };
}

function fittedBy(remedy: Remedy): ((train: Dataset) => Change) | undefined {
  switch (remedy.kind) {
    case "standardise-inputs":
      return (train) => {
        const scale = standardise(train);
        return (part) => scale.apply(part);
      };
    case "standardise-targets":
      return (train) => {
        // A data set whose inputs are the targets knows how.
        const scale = standardise(new Dataset(train.y, train.y));
        return (part) => new Dataset(part.x, scale.apply(new Dataset(part.y, part.y)).x);
      };
    case "drop-rows-not-finite":
      return () => (part) => {
        const bad = (array: HostArray, row: number) => {
          const width = array.data.length / part.length;
          return !array.data.subarray(row * width, (row + 1) * width).every(Number.isFinite);
        };
        const rows = Array.from({ length: part.length }, (_, row) => row);
        return part.select(rows.filter((row) => !bad(part.x, row) && !bad(part.y, row)));
      };
    case "shift-labels":
      return () => (part) => {
        if (part.y.dtype !== "i32") throw new ConfigError("applyRemedies: labels must be class numbers.");
        return new Dataset(part.x, { ...part.y, data: part.y.data.map((label) => label - remedy.by) });
      };
    default:
      return undefined;
  }
}
