/** What augmentation gains: a small network on Fashion-MNIST with and without flip, crop and mixup; seed i is the same weights and order. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { OwnMeasurement, Suite } from "../job.ts";
import { markdownTable } from "../summary.ts";

const seeds = Number(process.env.NABLA_BENCH_SEEDS ?? 5);
const job = { epochs: 20, batchSize: 128, threads: 2 };
const ways = { "as they are": [], "flip, crop, mixup": ["flip", "crop", "mixup"] } as const;

const peer = fileURLToPath(new URL("../peers/nabla_augmented.mjs", import.meta.url));
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values: readonly number[]): number => {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
};
const spread = (values: readonly number[]): string =>
  `${mean(values).toFixed(2)} ± ${deviation(values).toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`;

interface Answer {
  readonly accuracy: number;
  readonly seconds: number;
}

function measure({ log, circumstances }: OwnMeasurement): string {
  const rows = Object.entries(ways).map(([name, changes]) => {
    const answers = Array.from({ length: seeds }, (_, seed): Answer => {
      const given = JSON.stringify({ ...job, changes, seed });
      const text = execFileSync(process.execPath, [peer, given], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
      });
      const answer = JSON.parse(text) as Answer;
      log(`${name}, seed ${seed}: ${answer.accuracy.toFixed(2)} % in ${answer.seconds.toFixed(0)} s`);
      return answer;
    });
    return [
      name,
      spread(answers.map(({ accuracy }) => accuracy)),
      mean(answers.map(({ seconds }) => seconds)).toFixed(0),
    ];
  });
  return [
    `**Fashion-MNIST, two convolutions (105,866 parameters), AdamW 0.002 falling by a cosine, ${job.epochs} epochs of batches of ${job.batchSize}; ${seeds} seeds**`,
    markdownTable(["training images", "test accuracy, % (mean, deviation, range)", "seconds"], rows),
    circumstances,
  ].join("\n\n");
}

export const suite: Suite = { name: "augmented", benches: () => [], own: measure };
