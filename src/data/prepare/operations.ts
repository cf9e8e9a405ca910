/** All operations by name: what a saved preparation may consist of. */
import { z } from "zod";
import { DataError, suggestion } from "../../util/index.ts";
import { binning } from "./bins.ts";
import { partingDates } from "./date-parts.ts";
import { oneHotEncoding, ordinalEncoding } from "./encode.ts";
import { hashing, wordCounting } from "./hashing.ts";
import { imputing } from "./impute.ts";
import { type Operation, operation, type Transform } from "./operation.ts";
import { logTransforming, outlierClipping, powerTransforming } from "./reshape.ts";
import { minMaxScaling, robustScaling, standardScaling } from "./scale.ts";

const dropping = operation("drop", ["number", "date", "category", "text"], z.strictObject({}), () => []);

/**
 * Leaves a column out. A table to predict on need not have it.
 *
 * @example pipeline([on(["id", /^internal/], drop())]);
 */
export const drop = (): Transform => ({ operation: dropping, fit: () => ({}) });
export const isDrop = ({ name }: Operation): boolean => name === dropping.name;

const operations = new Map(
  [
    standardScaling,
    minMaxScaling,
    robustScaling,
    logTransforming,
    powerTransforming,
    outlierClipping,
    imputing,
    binning,
    oneHotEncoding,
    ordinalEncoding,
    hashing,
    wordCounting,
    partingDates,
    dropping,
  ].map((one): [string, Operation] => [one.name, one]),
);

/** Throws DataError for a name that a newer nabla may know. */
export function operationByName(name: string): Operation {
  const found = operations.get(name);
  if (found) return found;
  throw new DataError(
    `preparation: there is no operation "${name}".${suggestion(name, [...operations.keys()])}`,
  );
}
