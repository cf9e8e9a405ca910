/** What tracking costs: the MNIST network at batch 128 with nothing kept, with a run's folder, and with event files besides. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { OwnMeasurement, Suite } from "../job.ts";
import { summarise } from "../stats.ts";
import { markdownTable } from "../summary.ts";

const ways = {
  nothing: "nothing kept",
  track: "track(dir)",
  tensorBoard: "track(dir) and tensorBoard(dir)",
} as const;
const job = {
  ways: Object.keys(ways),
  sizes: [784, 128, 128, 10],
  epochs: 10,
  batchSize: 128,
  rounds: Number(process.env.NABLA_BENCH_ROUNDS ?? 9),
};
const peer = fileURLToPath(new URL("../peers/nabla_tracking.mjs", import.meta.url));

type Times = Readonly<Record<keyof typeof ways, readonly number[]>>;

function timesAt(threads: number): Times {
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
  const rows = [1, 2].flatMap((threads) => {
    log(`tracking on ${threads} threads`);
    return rowsOf(threads, timesAt(threads));
  });
  return [
    `**${job.sizes.join("-")} network, MNIST, batch ${job.batchSize}, Adam 1e-3: ${job.epochs} epochs after the first, ${job.rounds} rounds by turns**`,
    markdownTable(["threads", "kept", "seconds (median)", "slower than nothing kept (median, range)"], rows),
    circumstances,
  ].join("\n\n");
}

export const suite: Suite = { name: "tracking", benches: () => [], own: measure };
