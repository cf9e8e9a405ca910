/** What tracking and telemetry cost, each and together: two networks with nothing kept, with either, with both, and with event files besides. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { OwnMeasurement, Suite } from "../job.ts";
import { summarise } from "../stats.ts";
import { markdownTable } from "../summary.ts";

const ways = {
  nothing: "nothing kept",
  telemetry: "telemetry and the doctor",
  track: "track(dir)",
  both: "together",
  tensorBoard: "together, and tensorBoard(dir)",
} as const;
const rounds = Number(process.env.NABLA_BENCH_ROUNDS ?? 9);
const jobs = [
  {
    title: "784-128-10 network, MNIST, batch 128, Adam 1e-3: 10 epochs after the first",
    job: { ways: Object.keys(ways), network: "mnist", epochs: 10, batchSize: 128, rounds },
  },
  {
    title: "ResNet-20, 3,200 rows of 32 x 32 x 3, batch 64, SGD with momentum: an epoch after the first step",
    job: { ways: Object.keys(ways), network: "resnet20", epochs: 1, batchSize: 64, rounds },
  },
] as const;
type Job = (typeof jobs)[number]["job"];
const peer = fileURLToPath(new URL("../peers/nabla_tracking.mjs", import.meta.url));

type Times = Readonly<Record<keyof typeof ways, readonly number[]>>;

function timesAt(job: Job, threads: number): Times {
  const text = execFileSync(process.execPath, [peer, JSON.stringify({ ...job, threads })], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return (JSON.parse(text) as { times: Times }).times;
}

/** Round by round against nothing kept, so that what a round's circumstances slow counts on both sides. */
function rowsOf(threads: number, times: Times): string[][] {
  return (Object.keys(ways) as (keyof typeof ways)[]).map((way) => {
    const seconds = summarise(times[way]);
    const costs = times[way].map((value, round) => 100 * (value / (times.nothing[round] ?? Number.NaN) - 1));
    const cost = summarise(costs);
    return [
      String(threads),
      ways[way],
      seconds.median.toFixed(3),
      way === "nothing"
        ? ""
        : `${cost.median.toFixed(1)} % (${cost.low.toFixed(1)} to ${cost.high.toFixed(1)})`,
    ];
  });
}

function measure({ log, circumstances }: OwnMeasurement): string {
  const tables = jobs.flatMap(({ title, job }) => {
    const rows = [1, 2].flatMap((threads) => {
      log(`tracking, ${job.network} on ${threads} threads`);
      return rowsOf(threads, timesAt(job, threads));
    });
    const head = ["threads", "kept", "seconds (median)", "slower than nothing kept (median, range)"];
    return [`**${title}, ${job.rounds} rounds by turns**`, markdownTable(head, rows)];
  });
  return [...tables, circumstances].join("\n\n");
}

export const suite: Suite = { name: "tracking", benches: () => [], own: measure };
