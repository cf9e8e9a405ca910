/** Tables that commands are given: .csv and .tsv files. */
import { type CsvOptions, readCsv, readTsv, type Table } from "../data/index.ts";

export const isTable = (path: string): boolean => /\.(csv|tsv|tab)$/i.test(path);

/** Throws DataError that names file, line and column. */
export async function readTableFile(path: string, columns: CsvOptions["columns"] = {}): Promise<Table> {
  const read = /\.csv$/i.test(path) ? readCsv : readTsv;
  return (await read(path, { columns })).table;
}
