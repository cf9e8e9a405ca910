/** Runs every contestant of a benchmark in turns, so that a slow minute of the machine hits all of them alike. */
import type { Bench } from "./job.ts";
import { Peer, PeerError, type PeerSpec } from "./peer.ts";
import { type Summary, summarise } from "./stats.ts";

export interface Contest {
  readonly peers: readonly PeerSpec[];
  readonly repetitions: number;
  /** The least seconds one measurement should take. */
  readonly slice: number;
  readonly log: (line: string) => void;
}

export interface Result {
  readonly peer: string;
  readonly threads: number;
  readonly rate: Summary;
}

export interface Outcome {
  readonly results: readonly Result[];
  readonly versions: Readonly<Record<string, string>>;
  /** Contestants that could not take part, with the reason. */
  readonly absent: readonly string[];
}

const checkedSteps = 5;
const tolerance = 1e-4;

interface Runner {
  readonly spec: PeerSpec;
  readonly peer: Peer;
  units: number;
  readonly rates: number[];
}

/** Throws when a contestant's first losses differ from the first one's: then it would not be the same work. */
function compareLosses(bench: Bench, losses: ReadonlyMap<string, readonly number[]>): void {
  const [reference] = losses;
  if (reference === undefined) return;
  const [referenceName, expected] = reference;
  for (const [name, got] of losses) {
    const same =
      got.length === expected.length &&
      got.every((loss, i) => Math.abs(loss - (expected[i] as number)) <= tolerance * Math.abs(loss));
    if (!same) {
      throw new Error(
        `${bench.name}: all must compute the same losses; ${referenceName} got ${expected}, ${name} got ${got}.`,
      );
    }
  }
}

/** As many units as fill the slice, found from one run that also warms the contestant up. */
async function calibrate(peer: Peer, slice: number): Promise<number> {
  let units = 1;
  for (;;) {
    const seconds = await peer.run(units);
    if (seconds >= slice / 4) return Math.max(1, Math.ceil((units * slice) / seconds));
    units *= Math.max(2, Math.min(16, Math.ceil(slice / 2 / Math.max(seconds, 1e-6))));
  }
}

export async function hold(bench: Bench, contest: Contest): Promise<Outcome> {
  const runners: Runner[] = [];
  const absent: string[] = [];
  const versions: Record<string, string> = {};
  try {
    for (const spec of contest.peers) {
      try {
        const { peer, hello } = await Peer.start(spec, { ...bench.job, threads: spec.threads });
        Object.assign(versions, hello.versions);
        runners.push({ spec, peer, units: 1, rates: [] });
      } catch (error) {
        if (!(error instanceof PeerError)) throw error;
        absent.push(error.message);
        contest.log(`  absent: ${error.message.split("\n").at(-1)}`);
      }
    }
    const losses = new Map<string, readonly number[]>();
    for (const { spec, peer } of runners) {
      losses.set(`${spec.name} (${spec.threads})`, await peer.check(checkedSteps));
    }
    compareLosses(bench, losses);
    for (const runner of runners) runner.units = await calibrate(runner.peer, contest.slice);
    for (let repetition = 0; repetition < contest.repetitions; repetition++) {
      for (const { peer, units, rates } of runners) {
        rates.push((units * bench.perUnit) / (await peer.run(units)));
      }
      contest.log(`  ${bench.name}: ${repetition + 1} of ${contest.repetitions}`);
    }
  } finally {
    for (const { peer } of runners) peer.stop();
  }
  const results = runners.map(({ spec, rates }) => ({
    peer: spec.name,
    threads: spec.threads,
    rate: summarise(rates),
  }));
  return { results, versions, absent };
}
