/** How often a callback does what it does: whole epochs or steps, so that equal runs do it at the same places. */
import { ConfigError, rejectUnknown } from "../../util/index.ts";
import type { Position } from "../events.ts";
import { wholeNumber } from "../options.ts";

/** A number is of epochs. */
export type EveryEpochsOrSteps = number | { readonly epochs: number } | { readonly steps: number };

export class Interval {
  readonly unit: "epochs" | "steps";
  readonly count: number;

  /** @throws ConfigError unless `every` is a whole number of at least 1, of epochs or of steps */
  constructor(op: string, every: EveryEpochsOrSteps) {
    if (typeof every === "number") {
      this.unit = "epochs";
      this.count = wholeNumber(op, "every", every, 1);
      return;
    }
    if (typeof every !== "object" || every === null)
      throw new ConfigError(
        `${op}: every must be a number of epochs, { epochs } or { steps }; got ${every}.`,
      );
    rejectUnknown(`${op}: every`, every, ["epochs", "steps"]);
    const [entry, ...more] = Object.entries(every);
    if (entry === undefined || more.length > 0)
      throw new ConfigError(`${op}: every must be one of { epochs } and { steps }.`);
    const [unit, count] = entry as [Interval["unit"], number];
    this.unit = unit;
    this.count = wholeNumber(op, `every.${unit}`, count, 1);
  }

  /** Whether it is due where a run stands, between two stretches of steps. */
  at({ epoch, batch, step }: Position): boolean {
    if (this.unit === "steps") return step % this.count === 0;
    return batch === 0 && epoch % this.count === 0;
  }

  /** The step after this one at which it is due; null where that is the end of an epoch. */
  next(step: number): number | null {
    return this.unit === "steps" ? (Math.floor(step / this.count) + 1) * this.count : null;
  }
}
