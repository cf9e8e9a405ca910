/** Writes splits.json: the rows of each part that `nabla train` makes of the example tables, for peers.py. Run by hand with tsx. */
import { writeFileSync } from "node:fs";
import { type Column, readCsv, type Table, trainValidationTestSplit } from "../../../../src/data/index.ts";

const targets = { iris: "species", wine: "cultivar", diabetes: "progression", "breast-cancer": "diagnosis" };
const rowsOf = (table: Table): number[] => {
  const column: Column = table.column("row");
  return column.kind === "number" ? [...column.values] : [];
};
const splits: Record<string, { train: number[]; validation: number[]; test: number[] }[]> = {};
for (const [name, stratify] of Object.entries(targets)) {
  const { table } = await readCsv(new URL(`../../../../examples/data/${name}.csv`, import.meta.url));
  const values = Float64Array.from({ length: table.length }, (_, row) => row);
  const numbered = table.with({ kind: "number", name: "row", values });
  splits[name] = [0, 1, 2, 3, 4].map((seed) => {
    const { train, validation, test } = trainValidationTestSplit(numbered, { seed, stratify });
    return { train: rowsOf(train.data), validation: rowsOf(validation), test: rowsOf(test) };
  });
}
writeFileSync(new URL("splits.json", import.meta.url), `${JSON.stringify(splits)}\n`);
