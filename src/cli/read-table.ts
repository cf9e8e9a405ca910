/** Tables that commands are given. */
import { extname } from "node:path";
import { type CsvOptions, readTable, type Table, tableEndings } from "../data/index.ts";

export const isTable = (path: string): boolean =>
  tableEndings.some((ending) => ending === extname(path).toLowerCase());

/** Throws DataError that names file, line and column. */
export async function readTableFile(path: string, columns: CsvOptions["columns"] = {}): Promise<Table> {
  return (await readTable(path, { columns })).table;
}
