/** What augmentation gains: a small network on Fashion-MNIST with and without flip, crop and mixup; seed i is the same weights and order. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { OwnMeasurement, Suite } from "../job.ts";
import { deviation, mean } from "../stats.ts";
import { markdownTable } from "../summary.ts";

const seeds = Number(process.env.NABLA_BENCH_SEEDS ?? 5);
/** A tenth of the images: where there are few, augmentation has something to add. */
const job = { images: 6000, epochs: 60, batchSize: 128, padding: 1, threads: 1 };
const ways = { "as they are": [], "flip, crop, mixup": ["flip", "crop", "mixup"] } as const;

const peer = fileURLToPath(new URL("../peers/nabla_augmented.mjs", import.meta.url));
const spread = (values: readonly number[]): string =>
  `${mean(values).toFixed(2)} ± ${deviation(values).toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`;

interface Answer {
  readonly accuracy: number;
  readonly seconds: number;
}

async function run(changes: readonly string[], seed: number): Promise<Answer> {
  const given = JSON.stringify({ ...job, changes, seed });
  const { stdout } = await promisify(execFile)(process.execPath, [peer, given], { encoding: "utf8" });
  return JSON.parse(stdout) as Answer;
}

async function measure({ log, circumstances }: OwnMeasurement): Promise<string> {
  const answers: Answer[][] = [];
  for (let seed = 0; seed < seeds; seed++) {
    // Side by side, a thread each: what is compared here is accuracy.
    answers.push(await Promise.all(Object.values(ways).map((changes) => run(changes, seed))));
    log(
      `seed ${seed}: ${answers
        .at(-1)
        ?.map(({ accuracy }) => `${accuracy.toFixed(2)} %`)
        .join(", ")}`,
    );
  }
  const rows = Object.keys(ways).map((name, way) => {
    const own = answers.map((pair) => pair[way] as Answer);
    return [
      name,
      spread(own.map(({ accuracy }) => accuracy)),
      mean(own.map(({ seconds }) => seconds)).toFixed(0),
    ];
  });
  return [
    `**Fashion-MNIST, ${job.images.toLocaleString("en")} images to train on, two convolutions (105,866 parameters), AdamW 0.002 falling by a cosine, ${job.epochs} epochs of batches of ${job.batchSize}; ${seeds} seeds**`,
    markdownTable(
      ["training images", "test accuracy, % (mean, deviation, range)", "seconds, one thread"],
      rows,
    ),
    circumstances,
  ].join("\n\n");
}

export const suite: Suite = { name: "augmented", benches: () => [], own: measure };
