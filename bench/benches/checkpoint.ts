/** What a save of a 100 MB state costs training: how long the loop waits, how much longer steps take meanwhile, and the way to the disk. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { python } from "../contestants.ts";
import type { OwnMeasurement, Suite } from "../job.ts";
import { summarise } from "../stats.ts";
import { markdownTable } from "../summary.ts";

const job = {
  // 8.3 million parameters, and two moments of Adam for each.
  sizes: [784, 2080, 2080, 1088, 10],
  batchSize: 64,
  saves: Number(process.env.NABLA_BENCH_ROUNDS ?? 9),
  /** Steps from one save to the next. */
  between: 40,
};
const own = fileURLToPath(new URL("../peers/nabla_checkpoint.mjs", import.meta.url));
const torch = fileURLToPath(new URL("../peers/torch_checkpoint.py", import.meta.url));

interface Found {
  readonly stateBytes: number;
  readonly waits: readonly number[];
  readonly writes: readonly number[];
  readonly quiet: readonly number[];
  readonly beside: readonly number[];
}

const asked = (command: string, args: readonly string[], threads: number): unknown =>
  JSON.parse(
    execFileSync(command, [...args, JSON.stringify({ ...job, threads })], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    }),
  );

const milliseconds = (seconds: number): string => (1000 * seconds).toFixed(1);
const spread = (values: readonly number[]): string => {
  const { median, low, high } = summarise(values);
  return `${milliseconds(median)} (${milliseconds(low)} to ${milliseconds(high)})`;
};

function rowsAt(threads: number): string[][] {
  const found = asked(process.execPath, [own], threads) as Found;
  const { seconds } = asked(python, [torch], threads) as { seconds: readonly number[] };
  const megabytes = found.stateBytes / 1e6;
  return [
    [
      `nabla, saveBeside, ${megabytes.toFixed(0)} MB`,
      String(threads),
      spread(found.waits),
      spread(found.quiet),
      spread(found.beside),
      spread(found.writes),
    ],
    ["PyTorch, torch.save and fsync", String(threads), spread(seconds), "", "", spread(seconds)],
  ];
}

function measure({ log, circumstances }: OwnMeasurement): string {
  const rows = [1, 2].flatMap((threads) => {
    log(`checkpoint on ${threads} threads`);
    return rowsAt(threads);
  });
  return [
    `**${job.sizes.join("-")} network, Adam, batch ${job.batchSize}: ${job.saves} saves, one every ${job.between} steps; milliseconds, median and range**`,
    markdownTable(
      [
        "",
        "threads",
        "the loop waits",
        "a step, no write under way",
        "a step beside a write",
        "until it is on the disk",
      ],
      rows,
    ),
    circumstances,
  ].join("\n\n");
}

export const suite: Suite = { name: "checkpoint", benches: () => [], own: measure };
