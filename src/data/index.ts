export type { FileSource } from "../files/index.ts";
export * from "./augment/index.ts";
export {
  Dataset,
  type DatasetOptions,
  dataset,
  type EpochSeed,
  type HostBatch,
  type Source,
  split,
} from "./dataset.ts";
export { fashionMnist, fashionMnistClasses } from "./fashion-mnist.ts";
export { type ArrayLike, type HostArray, toHostArray } from "./host.ts";
export { type Idx, type IdxArray, parseIdx, readIdx } from "./idx.ts";
export * from "./images/index.ts";
export { type Batch, type Loader, type LoaderOptions, loader } from "./loader.ts";
export type { HostBatches } from "./loading/batches.ts";
export { bucketed } from "./loading/bucketed.ts";
export type { Cursor } from "./loading/cursor.ts";
export type { RowFunction, RowSeed, RowValue } from "./loading/row-module.ts";
export { RowSource, type RowSourceOptions, rowSource } from "./loading/row-source.ts";
export { type EpochOrder, type Sampler, sequential, shuffled } from "./loading/sampler.ts";
export {
  type Chunk,
  type ChunkSequence,
  type ChunkShards,
  type Stream,
  type StreamOptions,
  stream,
} from "./loading/stream.ts";
export { classBalanced, type WeightedOptions, weighted } from "./loading/weighted.ts";
export { type MnistOptions, mnist } from "./mnist.ts";
export { type NpySource, openNpy, readNpy } from "./npy.ts";
export { readNpz } from "./npz.ts";
export { type BinsOptions, bins } from "./prepare/bins.ts";
export { type DatePart, type DatePartsOptions, dateParts } from "./prepare/date-parts.ts";
export { type OneHotOptions, type OrdinalOptions, oneHot, ordinal } from "./prepare/encode.ts";
export { type Count, Fitted, type PipelineState } from "./prepare/fitted.ts";
export { bagOfWords, type HashOptions, hashed } from "./prepare/hashing.ts";
export { type ImputeOptions, impute } from "./prepare/impute.ts";
export type { Transform } from "./prepare/operation.ts";
export { drop } from "./prepare/operations.ts";
export { on, type Pipeline, type PipelineStep, pipeline } from "./prepare/pipeline.ts";
export { type ClipOutliersOptions, clipOutliers, logTransform, powerTransform } from "./prepare/reshape.ts";
export { type MinMaxScaleOptions, minMaxScale, robustScale, standardScale } from "./prepare/scale.ts";
export type { Columns, Selector } from "./prepare/select.ts";
export { Preparation, type TabularData, type TabularOptions, tabularData } from "./prepare/tabular.ts";
export { classNames, type TargetCoding, withTarget } from "./prepare/target.ts";
export { type ProfileOptions, profileTable, type TableProfile, type Warning } from "./profile/profile.ts";
export type { ColumnProfile, Histogram, NumberFacts } from "./profile/statistics.ts";
export {
  type DividedBytes,
  deviceRows,
  gatherRows,
  type Rows,
  rowsShape,
  type TabulatedBytes,
} from "./rows.ts";
export { permutation } from "./shuffle.ts";
export { type Fold, type KFoldOptions, kFold } from "./split/k-fold.ts";
export type { SplitBy } from "./split/keys.ts";
export type { SplitOptions } from "./split/options.ts";
export { allForTraining, type Splittable, TrainingPart } from "./split/part.ts";
export {
  type TrainTestOptions,
  type TrainValidationTestOptions,
  trainTestSplit,
  trainValidationTestSplit,
} from "./split/train-test.ts";
export { type Standardiser, standardise } from "./standardise.ts";
export { readCsv, readTsv, type TableFile } from "./table/csv.ts";
export { type CsvChunkOptions, csvChunks } from "./table/csv-chunks.ts";
export type { CsvOptions } from "./table/csv-options.ts";
export type { ColumnKind } from "./table/infer.ts";
export { type JsonLinesOptions, jsonLinesChunks, readJsonLines } from "./table/json-lines.ts";
export { lines } from "./table/lines.ts";
export { type ParquetOptions, parquetChunks, readParquet } from "./table/parquet.ts";
export { readTable, tableEndings } from "./table/read-table.ts";
export {
  type CategoryColumn,
  type Column,
  columnLength,
  type DateColumn,
  type NumberColumn,
  Table,
  type TextColumn,
  valueAt,
} from "./table/table.ts";
export * from "./text/index.ts";
export { toTensor } from "./to-tensor.ts";
