/** Tables made ready for a network: features by a fitted pipeline, targets by a fitted coding, both kept as one JSON. */
import { z } from "zod";
import { DataError } from "../../util/index.ts";
import { Dataset } from "../dataset.ts";
import { TrainingPart } from "../split/part.ts";
import { Table } from "../table/table.ts";
import { type Count, Fitted } from "./fitted.ts";
import { type PipelineStep, pipeline } from "./pipeline.ts";
import { encodeTarget, fitTarget, type TargetCoding, targetSchema } from "./target.ts";

const schema = z.strictObject({
  format: z.literal("nabla-preparation"),
  version: z.literal(1),
  pipeline: z.unknown(),
  target: targetSchema,
});

/** What a table goes through before a network sees it. A run keeps it as preparation.json. */
export class Preparation {
  readonly features: Fitted;
  readonly target: TargetCoding;

  constructor(features: Fitted, target: TargetCoding) {
    this.features = features;
    this.target = target;
  }

  /**
   * From its JSON.
   *
   * @throws DataError where it is not one, of another version, or damaged.
   * @example const preparation = Preparation.from(JSON.parse(text));
   */
  static from(state: unknown): Preparation {
    const parsed = schema.safeParse(state);
    if (parsed.success) return new Preparation(Fitted.from(parsed.data.pipeline), parsed.data.target);
    const issue = parsed.error.issues[0];
    throw new DataError(
      `preparation: the state is not right at ${issue?.path.join("/") || "its top"} (${issue?.message}). It is damaged, or saved by a newer nabla.`,
    );
  }

  toJSON(): object {
    return { format: "nabla-preparation", version: 1, pipeline: this.features.toJSON(), target: this.target };
  }

  /** Rows with targets, and what had to be filled in. Throws as `Fitted.features`, and DataError for a missing or unknown target. */
  dataset(table: Table): { readonly data: Dataset; readonly counts: readonly Count[] } {
    const { x, counts } = this.features.features(table);
    return { data: new Dataset(x, encodeTarget(this.target, table)), counts };
  }
}

export interface TabularOptions {
  /** The column to predict. */
  readonly target: string;
  /** Numbers by their distance, or classes. */
  readonly task: "regression" | "classification";
  /** What is done with the other columns; numbers have to come out. */
  readonly steps: readonly PipelineStep[];
}

export interface TabularData {
  readonly train: Dataset;
  readonly validation?: Dataset;
  readonly test?: Dataset;
  readonly preparation: Preparation;
}

/**
 * Fits steps and target on the training part and applies them to all parts: the data of an experiment. Targets are f32 [n, 1] with the
 * training part's mean 0 and deviation 1, or classes i32 [n].
 *
 * @throws ConfigError for a target or a column that is not there; DataError for a single class, and a missing target, naming the row.
 * @example
 * const data = tabularData(trainValidationTestSplit(table), {
 *   target: "price",
 *   task: "regression",
 *   steps: [on({ kind: "number" }, impute(), standardScale())],
 * });
 */
export function tabularData(
  parts: { readonly train: TrainingPart<Table>; readonly validation?: Table; readonly test?: Table },
  { target, task, steps }: TabularOptions,
): TabularData {
  TrainingPart.check("tabularData: train", parts.train);
  const coding = fitTarget(parts.train.data.column(target), task);
  // The target is no feature, neither here nor later.
  const features = pipeline(steps).fit(parts.train.without(target));
  const preparation = new Preparation(features, coding);
  const made = (table: Table | undefined) =>
    table instanceof Table ? preparation.dataset(table).data : undefined;
  const [validation, test] = [made(parts.validation), made(parts.test)];
  return {
    train: preparation.dataset(parts.train.data).data,
    ...(validation && { validation }),
    ...(test && { test }),
    preparation,
  };
}
