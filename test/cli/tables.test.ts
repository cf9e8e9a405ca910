/** nabla train of a table, end to end: what it prints and keeps, that its experiment runs to the same numbers, and predictions. */
import { copyFileSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { experiment, Workspace } from "./run.ts";

const space = new Workspace();
afterAll(() => space.remove());
const json = (text: string) => JSON.parse(text.trimEnd().split("\n").at(-1) as string);
const read = (...path: string[]) => readFileSync(space.path(...path), "utf8");

beforeAll(() => {
  for (const name of ["iris", "diabetes"]) {
    const from = fileURLToPath(new URL(`../../examples/data/${name}.csv`, import.meta.url));
    copyFileSync(from, space.path(`${name}.csv`));
  }
  const town = (row: number) => ["Bern", "Oslo", "Rom"][row % 3];
  const rows = Array.from({ length: 60 }, (_, row) => {
    const rooms = 1 + ((row * 7) % 6);
    return `${row + 1},${row % 9 === 4 ? "" : rooms},${town(row)},${100 * rooms + 50 * (row % 3) + ((row * 13) % 17)}`;
  });
  space.write("houses.csv", ["id,rooms,town,price", ...rows, ""].join("\n"));
});

describe("nabla train table.csv", () => {
  it("decides, says why, and beats a guess", async () => {
    const { code, stdout, stderr } = await space.run([
      "train",
      "houses.csv",
      "--target",
      "price",
      "--out",
      "houses",
    ]);
    expect(stderr).not.toContain("nabla: ");
    expect(code).toBe(0);
    expect(stdout).toContain("task: regression");
    expect(stdout).toContain('left out: "id", since it numbers the rows');
    expect(stdout).toContain("numbers: rooms -> impute({ indicator: true }), standardScale()");
    expect(stdout).toContain("linear model");
    const { guess, network } = JSON.parse(read("houses", "test.json"));
    expect(network.rmse).toBeLessThan(guess.rmse);
    expect(JSON.parse(read("houses", "preparation.json"))).toMatchObject({
      version: 1,
      target: { column: "price" },
    });
  });

  it("writes an experiment that runs again to the same numbers", async () => {
    const first = await space.run(["train", "iris.csv", "--target", "species", "--out", "iris", "--json"]);
    expect(first.code).toBe(0);
    expect(json(first.stdout)).toMatchObject({ run: "iris", task: "multiclass" });
    expect((await space.run(["train", "iris/experiment.ts", "--out", "again", "--quiet"])).code).toBe(0);
    expect(read("again", "history.jsonl")).toBe(read("iris", "history.jsonl"));
    expect(read("again", "preparation.json")).toBe(read("iris", "preparation.json"));
    const { validation, test } = json((await space.run(["evaluate", "again", "--json"])).stdout);
    expect(Object.keys(validation)).toEqual(["loss", "accuracy"]);
    expect(test.accuracy).toBeCloseTo(json(first.stdout).test.network.accuracy, 6);
  });

  it("takes any names of files and columns", async () => {
    const target = `a "b" */ $${"{c}"} \\ \`d\``;
    const header = `x,"${target.replaceAll('"', '""')}"`;
    const rows = Array.from(
      { length: 30 },
      (_, row) => `${(row * 7) % 11},${((row * 7) % 11) / 3 + row / 100}`,
    );
    space.write("odd #1 name.csv", [header, ...rows, ""].join("\n"));
    const { code, stderr } = await space.run([
      ...["train", "odd #1 name.csv", "--target", target, "--task", "regression", "--epochs", "2"],
      ...["--out", "odd", "--quiet"],
    ]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect((await space.run(["predict", "odd", "odd #1 name.csv", "--out", "odd.csv"])).code).toBe(0);
    expect(read("odd.csv").split("\n")[0]).toBe(`"${target.replaceAll('"', '""')}"`);
  });

  it("cross-validates tables and experiments", async () => {
    const args = ["--folds", "3", "--epochs", "5", "--json"];
    const table = await space.run(["train", "diabetes.csv", "--target", "progression", ...args]);
    expect(table.code).toBe(0);
    const { folds, mean, deviation } = json(table.stdout);
    expect(folds).toHaveLength(3);
    const r2 = folds.map((scores: { r2: number }) => scores.r2);
    expect(mean.r2).toBeCloseTo((r2[0] + r2[1] + r2[2]) / 3, 12);
    expect(deviation.r2).toBeGreaterThan(0);
    space.write("small.ts", experiment());
    const own = await space.run(["train", "small.ts", ...args]);
    expect(own.code).toBe(0);
    expect(json(own.stdout).folds).toHaveLength(3);
    expect(json((await space.run(["train", "small.ts", ...args])).stdout)).toEqual(json(own.stdout));
  });

  it("says what is wrong in a line", async () => {
    const run = async (...args: string[]) => {
      const { code, stderr } = await space.run(["train", ...args]);
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
      return [code, stderr];
    };
    expect(await run("houses.csv")).toEqual([
      2,
      expect.stringContaining("--target: name the column to predict: id, rooms"),
    ]);
    expect(await run("houses.csv", "--target", "prise")).toEqual([
      1,
      expect.stringContaining('Did you mean "price"?'),
    ]);
    expect(await run("nothing.csv", "--target", "x")).toEqual([1, expect.stringContaining("does not exist")]);
    expect(await run("houses.csv", "--target", "town", "--task", "regression")).toEqual([
      1,
      expect.stringContaining('"town" is category'),
    ]);
    expect(await run("small.ts", "--target", "x")).toEqual([2, expect.stringContaining("is for a table")]);
    space.write("one.csv", "x,y\n1,2\n");
    expect(await run("one.csv", "--target", "y")).toEqual([1, expect.stringContaining("nothing to learn")]);
  });
});

describe("nabla predict", () => {
  it("predicts raw rows and counts what it had to fill in", async () => {
    space.write("new.csv", "town,rooms\nBern,2\nParis,5\n,\nRom,6\n");
    const { code, stdout } = await space.run(["predict", "houses", "new.csv", "--out", "predictions.csv"]);
    expect(code).toBe(0);
    expect(stdout).toContain('"rooms": 1 of 4 values missing');
    expect(stdout).toContain('"town": 1 of 4 values of a category not seen in training');
    const [header, ...prices] = read("predictions.csv").trimEnd().split("\n");
    expect(header).toBe("price");
    expect(prices.map(Number).every(Number.isFinite)).toBe(true);
    expect(Number(prices[3])).toBeGreaterThan(Number(prices[0]) + 200);
  });

  it("gives classes with their probabilities", async () => {
    expect((await space.run(["predict", "iris", "iris.csv", "--out", "species.csv", "--quiet"])).code).toBe(
      0,
    );
    const [header, ...rows] = read("species.csv").trimEnd().split("\n");
    expect(header).toBe("species,species=setosa,species=versicolor,species=virginica");
    expect(rows).toHaveLength(150);
    const truth = read("iris.csv").trimEnd().split("\n").slice(1);
    const right = rows.filter((row, i) => row.split(",")[0] === truth[i]?.split(",").at(-1)).length;
    expect(right / 150).toBeGreaterThan(0.93);
    const sum = (row: string) =>
      row
        .split(",")
        .slice(1)
        .reduce((total, cell) => total + Number(cell), 0);
    for (const row of rows) expect(sum(row)).toBeCloseTo(1, 5);
  });

  it("says what is wrong", async () => {
    space.write("short.csv", "rooms,twon\n2,Bern\n");
    const { code, stderr } = await space.run(["predict", "houses", "short.csv", "--out", "p.csv"]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('must have the column "town" (category). Did you mean "twon"?'),
    ]);
    space.write("houses/preparation.json", "{");
    const damaged = await space.run(["predict", "houses", "new.csv", "--out", "p.csv"]);
    expect(damaged.stderr).toContain("preparation.json: must be JSON");
  });
});
