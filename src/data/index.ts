export { Dataset, type DatasetOptions, dataset, type HostBatch, type Source, split } from "./dataset.ts";
export { fashionMnist, fashionMnistClasses } from "./fashion-mnist.ts";
export { type ArrayLike, type HostArray, toHostArray } from "./host.ts";
export { type Idx, type IdxArray, parseIdx, readIdx } from "./idx.ts";
export * from "./images/index.ts";
export { type Batch, type Loader, type LoaderOptions, loader, toTensor } from "./loader.ts";
export { type MnistOptions, mnist } from "./mnist.ts";
export {
  type DividedBytes,
  deviceRows,
  gatherRows,
  type Rows,
  rowsShape,
  type TabulatedBytes,
} from "./rows.ts";
export { permutation } from "./shuffle.ts";
export { type Standardiser, standardise } from "./standardise.ts";
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
