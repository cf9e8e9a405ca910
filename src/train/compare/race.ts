/** The race itself: rounds of equal steps in which ever fewer settings go on, then finals over seeds; on whatever lanes there are. */
import { ConfigError } from "../../util/index.ts";
import { finalistOf, least, measuringPoints, reach } from "./finals.ts";
import type { Lane, Leg, Order } from "./lane.ts";
import { Pace, roundDown } from "./pace.ts";
import { type Queue, runOrders } from "./queue.ts";
import {
  type CompareResult,
  type CurvePoint,
  type Finalist,
  type Round,
  type Setting,
  settingOf,
  type Trial,
} from "./result.ts";
import { welch } from "./welch.ts";

export interface RaceOptions {
  readonly settings: readonly Setting[];
  /** Rows of the training data. */
  readonly rows: number;
  readonly budget: number;
  /** In place of the budget. */
  readonly steps?: number;
  /** No trial trains for longer. */
  readonly epochs: number;
  readonly seeds: number;
  /** Of the rounds; the finals take those after it. */
  readonly seed: number;
  readonly reduction: number;
  readonly target?: number;
  readonly signal?: AbortSignal;
  readonly onTrial?: (trial: Trial, round: number, rounds: number) => void;
}

/** Of the budget, for the rounds; the rest goes to the finalists' seeds. */
const ROUNDS_SHARE = 0.75;
/** Seconds of training that tell the pace. */
const PILOT = 0.01;

/** Epochs of a round that are measured, at most. */
const MOST_MEASURED = 12;

/** A setting on its way. */
interface Entry {
  readonly setting: Setting;
  readonly trial: number;
  readonly curve: CurvePoint[];
  stateBytes: number;
  diverged: boolean;
  error: string | null;
  round: number;
}

/** Races the settings on the lanes, which stay open. Throws ConfigError when none can be trained. */
export async function race(lanes: readonly Lane[], options: RaceOptions): Promise<CompareResult> {
  const runner = new Runner(lanes, options);
  const rounds = await runner.rounds();
  const { finalists, target } = await runner.finals(rounds.at(-1)?.rows ?? 0);
  const [first, second] = finalists;
  const p = first && second ? welch(first.losses, second.losses) : null;
  const trials = runner.ranked().map(trialOf);
  const best = trials.find(({ loss }) => Number.isFinite(loss)) ?? null;
  const winner = first ?? best;
  return {
    trials,
    rounds,
    finalists,
    winner: winner && settingOf(winner),
    p,
    insideNoise: p === null ? null : p > 0.05,
    target,
    seconds: runner.elapsed(),
  };
}

class Runner {
  readonly #options: RaceOptions;
  readonly #queue: Queue;
  readonly #entries: Entry[];
  readonly #pace = new Pace();
  readonly #began = performance.now();
  /** Rows come in multiples of the largest batch. */
  readonly #grain: number;
  #alive: Entry[];

  constructor(lanes: readonly Lane[], options: RaceOptions) {
    this.#options = options;
    this.#queue = { lanes, owners: new Map(), signal: options.signal };
    this.#grain = Math.max(...options.settings.map(({ batchSize }) => batchSize));
    this.#entries = options.settings.map((setting, trial) => ({
      setting,
      trial,
      curve: [],
      stateBytes: 0,
      diverged: false,
      error: null,
      round: 0,
    }));
    this.#alive = this.#entries;
  }

  elapsed(): number {
    return (performance.now() - this.#began) / 1000;
  }

  get #aborted(): boolean {
    return this.#options.signal?.aborted ?? false;
  }

  get #most(): number {
    return this.#options.epochs * this.#options.rows;
  }

  /** All, the best first. */
  ranked(): Entry[] {
    return [...this.#entries].sort((a, b) => b.round - a.round || byLoss(a, b));
  }

  async rounds(): Promise<Round[]> {
    const { reduction, steps, budget, onTrial } = this.#options;
    // Two are left for the finals.
    const count = Math.max(1, Math.ceil(Math.log(this.#entries.length / 2) / Math.log(reduction)));
    const smallest = Math.min(...this.#entries.map(({ setting }) => setting.batchSize));
    const rounds: Round[] = [];
    let rows = steps === undefined ? await this.#pilot() : 0;
    for (let round = 1; round <= count && !this.#aborted; round++) {
      this.#survivors();
      if (steps === undefined) {
        const seconds = (budget * ROUNDS_SHARE - this.elapsed()) / (count - round + 1);
        rows += this.#afford(this.#alive, seconds, 1);
      } else rows = steps * smallest * reduction ** (round - 1);
      rows = Math.min(rows, this.#most);
      const entries = this.#alive;
      const before = rounds.at(-1)?.rows ?? 0;
      await this.#train(entries, rows, this.#epochsUntil(before, rows), (entry, leg) => {
        if (leg.points.length > 0) entry.round = round;
        onTrial?.(trialOf(entry), round, count);
      });
      rounds.push({ settings: entries.length, rows, seconds: this.elapsed() });
      if (this.#aborted) break;
      this.#survivors();
      const kept = Math.max(2, Math.ceil(entries.length / reduction));
      this.#alive = [...this.#alive].sort(byLoss).slice(0, kept);
      for (const lane of this.#queue.lanes) lane.keep(this.#alive.map(({ trial }) => trial));
      if (rows === this.#most) break; // all have come to the end
    }
    return rounds;
  }

  /** Where to measure on the way from `before` to `rows`: at the end and after epochs, each of them where they are few. */
  #epochsUntil(before: number, rows: number): number[] {
    const epoch = this.#options.rows;
    const first = Math.floor(before / epoch) + 1;
    const ends = Array.from(
      { length: Math.max(0, Math.ceil(rows / epoch) - first) },
      (_, i) => (first + i) * epoch,
    );
    const every = Math.ceil(ends.length / MOST_MEASURED);
    return [...ends.filter((_, i) => (i + 1) % every === 0), rows];
  }

  /** Trains all on a few rows to know their pace; gives how many rows. */
  async #pilot(): Promise<number> {
    let rows = 8 * this.#grain;
    for (const entry of [...this.#entries].sort((a, b) => a.setting.batchSize - b.setting.batchSize)) {
      let trained = 0;
      for (let before = 0; trained < PILOT && before < this.#most && !this.#aborted; before = rows) {
        rows = Math.min(before === 0 ? rows : 2 * rows, this.#most);
        // Twice at least: the first measurement compiles.
        const leg = await this.#one(entry, rows);
        if (leg === null || entry.diverged || entry.error !== null) break;
        trained = before === 0 ? 0 : leg.trained;
        this.#pace.note(entry.trial, rows - before, leg);
      }
      if (!entry.diverged && entry.error === null) break;
    }
    await this.#train(this.#alive, rows, [], (entry, leg, seconds) => {
      this.#pace.note(entry.trial, rows, leg);
      if (leg.trained > 0) this.#pace.noteSetUp(seconds - leg.trained);
    });
    return rows;
  }

  async #one(entry: Entry, rows: number): Promise<Leg | null> {
    let result: Leg | null = null;
    await this.#train([entry], rows, [rows], (_, leg) => {
      result = leg;
    });
    entry.curve.length = 0; // no round's
    return result;
  }

  /** Throws ConfigError when none is left. */
  #survivors(): void {
    this.#alive = this.#alive.filter(({ diverged, error }) => !diverged && error === null);
    if (this.#alive.length > 0 || this.#aborted) return;
    const failed = this.#entries.find(({ error }) => error !== null);
    throw new ConfigError(
      failed === undefined
        ? "compare: every setting diverged. Give smaller learning rates."
        : `compare: no setting could be trained; ${failed.setting.optimizer} at ${failed.setting.learningRate}: ${failed.error}`,
    );
  }

  /** At least one batch. */
  #afford(entries: readonly Entry[], seconds: number, measurements: number, runs = 0): number {
    const trials = entries.flatMap(({ trial }) => Array.from({ length: Math.max(1, runs) }, () => trial));
    const lanes = this.#queue.lanes.length;
    const rows = this.#pace.afford(trials, { seconds, lanes, measurements, fresh: runs > 0 });
    return Math.max(1, roundDown(rows / this.#grain)) * this.#grain;
  }

  async #train(
    entries: readonly Entry[],
    rows: number,
    measureAt: readonly number[],
    done: (entry: Entry, leg: Leg, seconds: number) => void,
  ): Promise<void> {
    const byTrial = new Map(entries.map((entry) => [entry.trial, entry]));
    const orders = entries.map(
      ({ trial, setting }): Order => ({ trial, setting, seed: this.#options.seed, rows, measureAt }),
    );
    await runOrders(this.#queue, orders, ({ trial }, leg, seconds) => {
      const entry = byTrial.get(trial) as Entry;
      entry.curve.push(...leg.points);
      entry.error = leg.error;
      entry.diverged = leg.diverged;
      if (leg.stateBytes > 0) entry.stateBytes = leg.stateBytes;
      done(entry, leg, seconds);
    });
  }

  /** The two best, each with several seeds. `lastRows` is how far the last round went. */
  async finals(lastRows: number): Promise<{ finalists: Finalist[]; target: number | null }> {
    const { seeds, steps, budget } = this.#options;
    const entries = [...this.#alive].sort(byLoss).slice(0, 2);
    if (this.#aborted) return { finalists: [], target: null };
    const most = measuringPoints(Number.MAX_SAFE_INTEGER, this.#grain).length;
    // Half as far as the last round at least, or they would say nothing of it; a budget this small is overdrawn.
    const affordable = () =>
      Math.max(this.#afford(entries, budget - this.elapsed(), most, seeds), Math.ceil(lastRows / 2));
    const rows = steps === undefined ? Math.min(affordable(), this.#most) : lastRows;
    const measureAt = measuringPoints(rows, this.#grain);
    const orders = entries.flatMap(({ setting }, index) =>
      Array.from({ length: seeds }, (_, seed): Order => {
        const trial = this.#entries.length + index * seeds + seed;
        return { trial, setting, seed: this.#options.seed + 1 + seed, rows, measureAt };
      }),
    );
    for (const lane of this.#queue.lanes) lane.keep([]);
    const legs = new Map<Order, Leg>();
    await runOrders(this.#queue, orders, (order, leg) => {
      // Interrupted ones say nothing; one that diverged or failed is as bad as can be.
      const whole = leg.points.length === measureAt.length;
      if (whole) legs.set(order, leg);
      else if (leg.error !== null) legs.set(order, { ...leg, points: [...leg.points, worst(leg)] });
    });
    const finalists = entries
      .map(({ setting }) =>
        finalistOf(
          setting,
          orders.flatMap((order) => (order.setting === setting ? (legs.get(order) ?? []) : [])),
        ),
      )
      .filter((finalist) => finalist !== null)
      .sort((a, b) => (a.mean === b.mean ? 0 : a.mean - b.mean));
    const target = this.#options.target ?? finalists.at(-1)?.mean ?? null;
    return {
      finalists: finalists.map((finalist) =>
        target === null ? finalist : { ...finalist, reached: reach(finalist.curves, target) },
      ),
      target,
    };
  }
}

const worst = ({ points }: Leg): CurvePoint => ({
  step: points.at(-1)?.step ?? 0,
  seconds: points.at(-1)?.seconds ?? 0,
  loss: Number.POSITIVE_INFINITY,
});

const lossOf = ({ curve, diverged, error }: Entry): number =>
  diverged || error !== null ? Number.POSITIVE_INFINITY : least(curve);

/** Equal ones stay in the order they were named. */
function byLoss(a: Entry, b: Entry): number {
  const [x, y] = [lossOf(a), lossOf(b)];
  return x === y ? 0 : x < y ? -1 : 1;
}

const trialOf = (entry: Entry): Trial => ({
  ...settingOf(entry.setting),
  curve: [...entry.curve],
  loss: lossOf(entry),
  steps: entry.curve.at(-1)?.step ?? 0,
  seconds: entry.curve.at(-1)?.seconds ?? 0,
  stateBytes: entry.stateBytes,
  diverged: entry.diverged,
  error: entry.error,
});
