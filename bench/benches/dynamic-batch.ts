/** What batches that grow save: MNIST by a fixed batch, a schedule and the noise scale; each repetition is another seed. */
import { nabla, plain } from "../contestants.ts";
import { firstAnswer } from "../fresh.ts";
import type { Bench, Suite } from "../job.ts";
import type { PeerSpec } from "../peer.ts";
import type { Report } from "../report.ts";
import { deviation, formatRate, mean } from "../stats.ts";
import { circumstances, markdownTable } from "../summary.ts";

type Quantity = "accuracy" | "updates" | "seconds";
type Answer = Readonly<Record<Quantity, number>>;

const job = { sizes: [784, 128, 128, 10], epochs: 10, learningRate: 1e-3, min: 32, max: 1024 };
const ways: Readonly<Record<string, string>> = {
  "batch 32": "fixed",
  "batch 32, learning rate falling to 0 by a cosine": "cosine",
  "batch 1,024 from the start": "large",
  "32, twice as many each epoch up to 1,024": "schedule",
  "noiseScale({ min: 32, max: 1024 })": "noise",
};

const contestants = (): PeerSpec[] =>
  Object.keys(ways).flatMap((name) => nabla("dynamic_batch", { name, threads: [2] }).map(plain));

/** A benchmark for each quantity; they share their runs, of which the i-th has seed i. */
function benches(): Bench[] {
  const runs = new Map<string, Promise<Answer>>();
  const run = (spec: PeerSpec, seed: number): Promise<Answer> => {
    const key = `${spec.name} ${seed}`;
    const known = runs.get(key);
    if (known !== undefined) return known;
    const made = firstAnswer(spec, { ...job, way: ways[spec.name], seed }).then(
      ({ answer }) => answer as unknown as Answer,
    );
    runs.set(key, made);
    return made;
  };
  const bench = (quantity: Quantity, unit: string): Bench => {
    const seeds = new Map<string, number>();
    return {
      name: `dynamic-batch-${quantity}`,
      title: `MNIST, ${job.epochs} epochs, batches that grow: ${quantity}`,
      unit,
      lowerIsBetter: quantity !== "accuracy",
      perUnit: 1,
      job,
      contestants,
      measure: async (spec) => {
        const seed = seeds.get(spec.name) ?? 0;
        seeds.set(spec.name, seed + 1);
        return (await run(spec, seed))[quantity];
      },
    };
  };
  return [bench("accuracy", "%"), bench("updates", "updates"), bench("seconds", "s")];
}

function summary(reports: readonly Report[]): string {
  const samples = (quantity: Quantity, name: string): readonly number[] =>
    reports
      .find(({ bench }) => bench === `dynamic-batch-${quantity}`)
      ?.results.find(({ peer }) => peer === name)?.measured.samples ?? [];
  const fixed = mean(samples("updates", "batch 32"));
  const rows = Object.keys(ways).map((name) => {
    const [accuracy, updates] = [samples("accuracy", name), samples("updates", name)];
    return [
      name,
      `${mean(accuracy).toFixed(2)} ± ${deviation(accuracy).toFixed(2)}`,
      formatRate(mean(updates)),
      `${(fixed / mean(updates)).toFixed(1)}x`,
      formatRate(mean(samples("seconds", name))),
    ];
  });
  const seeds = samples("accuracy", "batch 32").length;
  return [
    `**${job.sizes.join("-")} network, MNIST, ${job.epochs} epochs, Adam ${job.learningRate} times the root of the growth of the batch; ${seeds} seeds**`,
    markdownTable(
      ["", "test accuracy, % (mean, deviation)", "updates", "fewer", "seconds, compiling included"],
      rows,
    ),
    circumstances(reports),
  ].join("\n\n");
}

export const suite: Suite = { name: "dynamic-batch", benches, summary };
