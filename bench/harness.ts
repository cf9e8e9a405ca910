/** Runs every contestant of a benchmark in turns, so that a slow minute of the machine hits all of them alike. */
import type { Bench } from "./job.ts";
import { Peer, PeerError, type PeerSpec, peerLabel } from "./peer.ts";
import { othersShare, readUsage } from "./quiet.ts";
import { type Summary, summarise } from "./stats.ts";
import { inUnit } from "./units.ts";

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
  readonly variant?: string;
  readonly otherMaths?: string;
  /** In the benchmark's unit. */
  readonly measured: Summary;
}

export interface Absence {
  readonly peer: string;
  readonly reason: string;
  /** How to install it. */
  readonly cure?: string;
}

export interface Outcome {
  readonly results: readonly Result[];
  readonly versions: Readonly<Record<string, string>>;
  /** Contestants that could not take part. */
  readonly absent: readonly Absence[];
  /** Of each repetition, the share of the machine that other processes took. */
  readonly others: readonly number[];
}

const checkedSteps = 5;
/** A contestant may stop in the middle of its work after so many slices. */
const patience = 5;

/** A contestant that is ready to be measured, in the bench's unit. */
interface Runner {
  readonly spec: PeerSpec;
  readonly measure: () => Promise<number>;
  readonly samples: number[];
}

/** Throws when a contestant's first numbers differ from the first one's: then it would not be the same work. */
export function compareNumbers(bench: Bench, numbers: ReadonlyMap<string, readonly number[]>): void {
  const [reference] = numbers;
  if (reference === undefined) return;
  const [referenceName, expected] = reference;
  const tolerance = bench.tolerance ?? 1e-4;
  for (const [name, got] of numbers) {
    const same =
      got.length === expected.length &&
      got.every((value, i) => {
        const wanted = expected[i] as number;
        return Math.abs(value - wanted) <= tolerance * Math.abs(wanted);
      });
    if (!same) {
      throw new Error(
        `${bench.name}: all must compute the same numbers; ${referenceName} got ${expected}, ${name} got ${got}.`,
      );
    }
  }
}

/** As many units as fill the slice, found from runs that also warm the contestant up. */
async function calibrate(peer: Peer, slice: number): Promise<number> {
  let units = 1;
  for (;;) {
    const answer = await peer.run(units, patience * slice);
    if (answer.seconds === undefined) return 1;
    const done = answer.units ?? units;
    if (answer.seconds >= slice / 4) return Math.max(1, Math.ceil((done * slice) / answer.seconds));
    units *= Math.max(2, Math.min(16, Math.ceil(slice / 2 / Math.max(answer.seconds, 1e-6))));
  }
}

/** Why a contestant is not there: the line of its complaint that says most. */
export function absence({ name, install }: PeerSpec, error: PeerError): Absence {
  const lines = error.message.split("\n").map((line) => line.trim());
  const reason = lines.find((line) => /^(\w*Error\b|ended with code.*Error)|Cannot find|ENOENT/.test(line));
  return { peer: name, reason: reason ?? lines.at(-1) ?? "", cure: install };
}

/** Lines like "PyTorch; PyTorch, compiled: no module named torch (pip install torch)", one a reason. */
export function describeAbsent(absent: readonly Absence[]): string[] {
  const peers = new Map<string, Set<string>>();
  for (const { peer, reason, cure } of absent) {
    const why = `${reason}${cure === undefined ? "" : ` (${cure})`}`;
    peers.set(why, (peers.get(why) ?? new Set()).add(peer));
  }
  return [...peers].map(([why, names]) => `${[...names].join("; ")}: ${why}`);
}

/** Starts the contestants that answer to commands, checks that they agree, and finds how long each must run. */
async function ready(
  bench: Bench,
  contest: Contest,
  peers: Peer[],
): Promise<{ runners: Runner[]; versions: Record<string, string>; absent: Absence[] }> {
  const absent: Absence[] = [];
  const versions: Record<string, string> = {};
  const numbers = new Map<string, readonly number[]>();
  const runners: Runner[] = [];
  const attempt = async (spec: PeerSpec, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      absent.push(absence(spec, error));
    }
  };
  for (const spec of contest.peers) {
    await attempt(spec, async () => {
      const { peer, hello } = await Peer.start(spec, bench.job);
      peers.push(peer);
      Object.assign(versions, hello.versions);
    });
  }
  for (const peer of peers) {
    await attempt(peer.spec, async () => {
      const got = await peer.check(checkedSteps);
      if (peer.spec.otherMaths === undefined) numbers.set(peerLabel(peer.spec), got);
      const units = await calibrate(peer, contest.slice);
      const measure = async () => {
        const answer = await peer.run(units, patience * contest.slice);
        if (answer.seconds === undefined) return answer.value;
        return inUnit(bench, (answer.units ?? units) * bench.perUnit, answer.seconds);
      };
      runners.push({ spec: peer.spec, measure, samples: [] });
    });
  }
  compareNumbers(bench, numbers);
  return { runners, versions, absent };
}

export async function hold(bench: Bench, contest: Contest): Promise<Outcome> {
  const peers: Peer[] = [];
  try {
    const { measure } = bench;
    const { runners, versions, absent } =
      measure === undefined
        ? await ready(bench, contest, peers)
        : {
            runners: contest.peers.map((spec) => ({
              spec,
              measure: () => measure(spec, bench.job),
              samples: [] as number[],
            })),
            versions: {},
            absent: [] as Absence[],
          };
    for (const line of describeAbsent(absent)) contest.log(`  absent: ${line}`);
    const gone = new Set<Runner>();
    const others: number[] = [];
    for (let repetition = 0; repetition < contest.repetitions; repetition++) {
      const before = readUsage();
      for (const runner of runners) {
        if (gone.has(runner)) continue;
        try {
          runner.samples.push(await runner.measure());
        } catch (error) {
          if (!(error instanceof PeerError) || repetition > 0) throw error;
          // Started afresh for each measurement, so only here does it show that it is not installed.
          gone.add(runner);
          const missing = absence(runner.spec, error);
          absent.push(missing);
          contest.log(`  absent: ${describeAbsent([missing])}`);
        }
      }
      const share = othersShare(before, readUsage());
      others.push(...share);
      const taken = share.map((part) => `, others took ${Math.round(100 * part)} %`);
      contest.log(`  ${bench.name}: ${repetition + 1} of ${contest.repetitions}${taken}`);
    }
    const results = runners
      .filter((runner) => !gone.has(runner))
      .map(({ spec: { name, threads, variant, otherMaths }, samples }) => ({
        peer: name,
        threads,
        variant,
        otherMaths,
        measured: summarise(samples),
      }));
    return { results, versions, absent, others };
  } finally {
    for (const peer of peers) peer.stop();
  }
}
