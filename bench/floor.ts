/** How far a result is from what the machine's arithmetic and bandwidth allow. */
import type { Ceilings } from "./ceilings.ts";
import type { Bench } from "./job.ts";
import { inUnit } from "./units.ts";

/** The best number possible, in the bench's unit, at so many threads; undefined where the bench states no floor. */
export function floorOf(
  bench: Pick<Bench, "floor" | "unit" | "lowerIsBetter">,
  ceilings: Ceilings,
  threads: number,
): number | undefined {
  const { floor } = bench;
  if (floor === undefined) return undefined;
  const at = threads > 1 ? 1 : 0;
  const bandwidth =
    floor.from === undefined
      ? Math.max(ceilings.triad[at], ceilings.triadStreaming[at])
      : ceilings[floor.from][at];
  const seconds = Math.max(
    (floor.flops ?? 0) / (ceilings.fma[at] * 1e9),
    (floor.bytes ?? 0) / (bandwidth * 1e9),
  );
  if (seconds === 0) return undefined;
  return inUnit(bench, 1, seconds);
}
