/** Default settings beside scikit-learn's default networks and linear models, on the same rows (goldens/peers.py). */
import { readFileSync } from "node:fs";
import { readCsv } from "nabla/data";
import { decide, linearOutputs, runFold, scoresOf, tableJob } from "nabla/train";
import { describe, expect, it } from "vitest";

type Scores = Readonly<Record<"network" | "networkAll" | "linear", readonly number[]>>;
const golden = (name: string) =>
  JSON.parse(readFileSync(new URL(`goldens/${name}.json`, import.meta.url), "utf8"));
const peers: Record<string, Scores> = golden("peers");
const splits: Record<string, readonly { test: readonly number[] }[]> = golden("splits");
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe.each([
  ["iris", "species", "accuracy"],
  ["wine", "cultivar", "accuracy"],
  ["diabetes", "progression", "r2"],
  ["breast-cancer", "diagnosis", "accuracy"],
] as const)("%s", (name, target, score) => {
  const table = async () =>
    (await readCsv(new URL(`../../../examples/data/${name}.csv`, import.meta.url))).table;
  const seeds = [0, 1, 2, 3, 4];

  it("the network reaches scikit-learn's to within a point", async () => {
    const scores: number[] = [];
    for (const seed of seeds) {
      const job = tableJob(await table(), { target, seed });
      expect(job.test.length).toBe(splits[name]?.[seed]?.test.length);
      scores.push((await runFold(job))[score] as number);
    }
    expect(mean(scores)).toBeGreaterThanOrEqual(mean(peers[name]?.network ?? []) - 0.01);
  });

  it("the linear model is scikit-learn's, split by split", async () => {
    for (const seed of seeds) {
      const { data, outputs } = decide(await table(), { target, seed });
      const test = data.test ?? data.train;
      const scores = scoresOf(await linearOutputs(data.train, test, outputs), test, data.preparation.target);
      // Two classes have two rows of weights here and one there: the penalty is another by a factor.
      const digits = outputs === 2 ? 1.7 : 3;
      expect(Math.abs((scores[score] as number) - (peers[name]?.linear[seed] ?? 0))).toBeLessThan(
        10 ** -digits,
      );
    }
  });
});
