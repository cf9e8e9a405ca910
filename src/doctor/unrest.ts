/** Unrest: where a run's loss jumps about, looks at why, by gradient noise and by sharpness. A steady run pays nothing for it. */
import { z } from "zod";
import type { Json, Run, Telemetry } from "../train/index.ts";
import { DataError } from "../util/index.ts";
import { courseOf, recentOf } from "./evidence.ts";
import { type Look, lookSchema, NOISE_DOMINATES, UNREST } from "./look.ts";

const stateSchema = z.object({
  losses: z.array(z.tuple([z.int().gte(0), z.number().nullable()])),
  looks: z.array(lookSchema),
});

const FIRST = 16_000;
const GROWTH = 4;

/**
 * The first step after this one at which a run is looked at: 16,000, 64,000, 256,000, ... The first look compiles: it takes the time of 60
 * steps of ResNet-20, and of 500 of the smallest networks.
 */
export function nextLook(step: number): number {
  let at = FIRST;
  while (at <= step) at *= GROWTH;
  return at;
}

/** Decides by the run's numbers and the step alone, so that equal runs, resumed ones too, look at the same. */
export class Unrest {
  #losses: readonly Pick<Telemetry, "step" | "loss">[] = [];
  #looks: readonly Look[] = [];
  #at: number | null = null;

  /** `next` names the first step after one at which to look; null for none. */
  constructor(readonly next: (step: number) => number | null = nextLook) {}

  get looks(): readonly Look[] {
    return this.#looks;
  }

  /** The run begins, or goes on, after so many steps. */
  begin(step: number, run: Run): void {
    if (step === 0) [this.#losses, this.#looks] = [[], []];
    this.#losses = this.#losses.filter((sample) => sample.step < step);
    this.#looks = this.#looks.filter((look) => look.step <= step);
    this.#expect(step, run);
  }

  hear({ step, loss }: Telemetry): void {
    this.#losses = recentOf([...this.#losses, { step, loss }]);
  }

  /** After so many steps: looks where that is due and the loss is not at rest. */
  async look(step: number, batchSize: number, run: Run): Promise<void> {
    if (step !== this.#at) return;
    this.#expect(step, run);
    const course = courseOf(this.#losses);
    if (course === null || course.jitter < UNREST) return;
    const measured = await run.gradientNoise();
    if (measured === null) return;
    const { signal, noise } = measured;
    const found = signal * NOISE_DOMINATES * batchSize < noise ? null : await run.sharpness();
    const look = { step, signal, noise, sharpness: found?.sharpness ?? null, edge: found?.edge ?? null };
    this.#looks = [...this.#looks, look].slice(-MOST);
  }

  state(): Json {
    const losses = this.#losses.map(({ step, loss }) => [step, Number.isFinite(loss) ? loss : null]);
    return { losses, looks: this.#looks.map((look) => ({ ...look })) };
  }

  /** @throws DataError for what is none */
  restore(state: Json): void {
    const read = stateSchema.safeParse(state);
    if (!read.success)
      throw new DataError(`doctor: its state must hold losses and looks; got ${JSON.stringify(state)}.`);
    this.#losses = read.data.losses.map(([step, loss]) => ({ step, loss: loss ?? Number.NaN }));
    this.#looks = read.data.looks;
  }

  #expect(step: number, run: Run): void {
    this.#at = this.next(step);
    if (this.#at !== null) run.breakAt(this.#at);
  }
}

/** Looks that are judged together. */
const MOST = 3;
