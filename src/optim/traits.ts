/** What optimizers and links tell about themselves, for errors and for what a run says before it starts. */
import type { Optimizer } from "./optimizer.ts";
import type { Schedule } from "./schedules/index.ts";

/**
 * What a link makes of what it gets: a better gradient, a direction, a sum over time, a share of the parameters added, a step (the
 * learning rate is in, and the sign turned), or a step to parameters that fulfil something.
 */
export type Stage = "gradient" | "direction" | "momentum" | "decay" | "step" | "parameters";

export interface Traits {
  /** As in errors: the name of the function that made it. */
  readonly name: string;
  /** Without one nothing is checked. */
  readonly stage?: Stage;
  /** It shrinks all parameters. */
  readonly decays?: boolean;
  /** Hyper-parameters that follow schedules. */
  readonly schedules?: Readonly<Record<string, Schedule>>;
  /** What is inside it. */
  readonly parts?: readonly Optimizer[];
  /** How many steps a part takes in a run of `steps`; as many where this is left out. */
  readonly stepsOf?: (steps: number, part: number) => number;
}

/** The optimizer under a name of its own: `adam`, not the chain it is. */
export const named = <O extends Optimizer>(name: string, optimizer: O): O => ({
  ...optimizer,
  traits: { ...optimizer.traits, name },
});

export const nameOf = (optimizer: Optimizer): string => optimizer.traits?.name ?? "a link of your own";
