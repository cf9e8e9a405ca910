/** What a run is told of its schedules before it starts. */
import type { Optimizer } from "./optimizer.ts";

/**
 * A line for each hyper-parameter whose schedule ends before a run of `steps` steps does, with what comes after: none where all last.
 * @example scheduleNotes(adam(cosine({ initial: 0.1, steps: 400 })), 1000);
 * // ["learningRate: its schedule ends at step 400 of 1000 and stays at 0 from there."]
 */
export function scheduleNotes(optimizer: Optimizer, steps: number): string[] {
  const notes = new Set<string>();
  const walk = ({ traits }: Optimizer, own: number, whose: string): void => {
    for (const [name, schedule] of Object.entries(traits?.schedules ?? {})) {
      const { end } = schedule;
      // The last step of a run is steps - 1.
      if (end === undefined || end >= own - 1) continue;
      const value = Number(schedule(Math.ceil(end)).toPrecision(6));
      notes.add(
        `${name}: its schedule ends at step ${Math.ceil(end)} of ${own}${whose} and stays at ${value} from there.`,
      );
    }
    traits?.parts?.forEach((part, index) => {
      const its = traits.stepsOf?.(own, index) ?? own;
      walk(part, its, its === own ? whose : ` (steps within ${traits.name})`);
    });
  };
  walk(optimizer, steps, "");
  return [...notes];
}
