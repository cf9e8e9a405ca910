/** What a checkpoint of 100 MB costs: how long training waits for it, what its steps take while it is written, and when it is on the disk. */
import { nabla, plain, torch } from "../contestants.ts";
import { firstAnswer } from "../fresh.ts";
import type { OwnMeasurement, Suite } from "../job.ts";
import type { PeerSpec } from "../peer.ts";
import { summarise } from "../stats.ts";
import { markdownTable } from "../summary.ts";

/** 8.3 million parameters and two moments of each. */
const job = {
  sizes: [784, 2048, 2048, 1216, 10],
  batch: 32,
  saves: Number(process.env.NABLA_BENCH_ROUNDS ?? 12),
};

/** Seconds: of each save, and of each step without and with a write under way. PyTorch does nothing else meanwhile. */
interface Answer {
  readonly bytes: number;
  readonly waits: readonly number[];
  readonly writes: readonly number[];
  readonly free?: readonly number[];
  readonly meanwhile?: readonly number[];
}

const contestants = (): PeerSpec[] => [
  ...nabla("checkpoint").map(plain),
  ...torch("checkpoint", { name: "PyTorch, torch.save", threads: [1] }),
];

const milliseconds = (seconds: number): string => (1000 * seconds).toFixed(1);

function rowOf({ name, threads }: PeerSpec, { bytes, waits, writes, free, meanwhile }: Answer): string[] {
  const onDisk = summarise(writes).median;
  const slower = free && meanwhile ? 100 * (summarise(meanwhile).median / summarise(free).median - 1) : null;
  return [
    name,
    String(threads),
    milliseconds(Math.max(...waits)),
    milliseconds(summarise(waits).median),
    free === undefined ? "" : milliseconds(summarise(free).median),
    slower === null ? "" : `${slower.toFixed(1)} %`,
    onDisk.toFixed(2),
    (bytes / 1e6 / onDisk).toFixed(0),
  ];
}

async function measure({ log, circumstances }: OwnMeasurement): Promise<string> {
  const rows: string[][] = [];
  for (const spec of contestants()) {
    log(`checkpoints by ${spec.name} on ${spec.threads} threads`);
    const { answer } = await firstAnswer(spec, job);
    rows.push(rowOf(spec, answer as unknown as Answer));
  }
  return [
    `**A state of 100 MB: ${job.sizes.join("-")} network and Adam, batch ${job.batch}, ${job.saves} saves**`,
    markdownTable(
      [
        "",
        "threads",
        "training waits, ms (longest)",
        "(median)",
        "a step, ms",
        "slower while a save is written",
        "seconds to the disk (median)",
        "MB/s",
      ],
      rows,
    ),
    circumstances,
  ].join("\n\n");
}

export const suite: Suite = { name: "checkpoint", benches: () => [], own: measure };
