/** Lanes: where trials train, one after the other each; several lanes train several at once. */
import type { Optimizer } from "../../optim/index.ts";
import { type CompareParts, type PlacedParts, placeParts, Racer } from "./racer.ts";
import type { CurvePoint, Setting } from "./result.ts";

/** What a lane is asked to do. Plain data, so that it can be sent to another process. */
export interface Order {
  /** Names the trial; a lane that has not had it yet trains it from its beginning, which comes to the same bits. */
  readonly trial: number;
  readonly setting: Setting;
  readonly seed: number;
  /** Rows to have trained on in all, and where to measure on the way: at these, in ascending order. */
  readonly rows: number;
  readonly measureAt: readonly number[];
}

/** What came of it. */
export interface Leg {
  readonly points: readonly CurvePoint[];
  /** Its loss is no longer finite. */
  readonly diverged: boolean;
  readonly error: string | null;
  /** Of this order: seconds of training, of one measurement. */
  readonly trained: number;
  readonly evaluated: number;
  readonly stateBytes: number;
  readonly parameters: number;
}

export interface Lane {
  /** Never rejects for what a trial does: that is in the leg. One order at a time. */
  run(order: Order, signal?: AbortSignal): Promise<Leg>;
  /** Forgets all trials but these. */
  keep(trials: readonly number[]): void;
  close(): Promise<void>;
}

/** A leg of a trial that could not run. */
export const failedLeg = (error: string): Leg => ({
  points: [],
  diverged: false,
  error,
  trained: 0,
  evaluated: 0,
  stateBytes: 0,
  parameters: 0,
});

/** A lane in this process. `describe` words what a trial throws. */
export class LocalLane implements Lane {
  readonly #parts: CompareParts;
  readonly #optimizer: (setting: Setting) => Optimizer;
  readonly #describe: (error: unknown) => string;
  readonly #racers = new Map<number, Racer>();
  #placed: PlacedParts | null = null;

  constructor(
    parts: CompareParts,
    optimizer: (setting: Setting) => Optimizer,
    describe: (error: unknown) => string = (error) =>
      error instanceof Error ? error.message : String(error),
  ) {
    this.#parts = parts;
    this.#optimizer = optimizer;
    this.#describe = describe;
  }

  async run(order: Order, signal?: AbortSignal): Promise<Leg> {
    const points: CurvePoint[] = [];
    try {
      const racer = this.#racer(order);
      const before = racer.times;
      let whole = true;
      for (const rows of order.measureAt) {
        whole &&= await racer.train(rows, signal);
        if (whole) points.push(await racer.measure());
      }
      whole &&= await racer.train(order.rows, signal);
      const { trained, evaluated } = racer.times;
      return {
        points,
        diverged: racer.diverged,
        error: null,
        trained: trained - before.trained,
        evaluated: (evaluated - before.evaluated) / Math.max(1, points.length),
        ...(await racer.size()),
      };
    } catch (error) {
      this.#racers.delete(order.trial);
      return { ...failedLeg(this.#describe(error)), points };
    }
  }

  #racer({ trial, setting, seed }: Order): Racer {
    let racer = this.#racers.get(trial);
    if (racer === undefined) {
      this.#placed ??= placeParts(this.#parts);
      racer = new Racer(this.#parts, this.#placed, this.#optimizer(setting), {
        batchSize: setting.batchSize,
        seed,
      });
      this.#racers.set(trial, racer);
    }
    return racer;
  }

  keep(trials: readonly number[]): void {
    for (const trial of this.#racers.keys()) if (!trials.includes(trial)) this.#racers.delete(trial);
  }

  async close(): Promise<void> {
    this.#racers.clear();
  }
}
