/** A schedule as a chart for the terminal. */

import asciichart from "asciichart";
import { rejectUnknown } from "../../util/index.ts";
import { checkRange } from "../range.ts";
import type { Schedule } from "./schedule.ts";

const label = (value: number): string => {
  const small = value !== 0 && Math.abs(value) < 1e-3;
  return (small ? value.toExponential(2) : value.toPrecision(3)).padStart(9);
};

/**
 * The schedule over its first `steps` steps as lines of text: `width` columns from step 0 to step steps - 1, `height` + 1 rows and a
 * line that names the first and the last step. A column shows the value of one step, so short cycles may fall between columns.
 * @throws ConfigError unless steps and width are at least 2 and height at least 1.
 * @example console.log(plot(oneCycle({ peak: 0.1, total: 1000 }), { steps: 1000 }));
 */
export function plot(
  schedule: Schedule,
  options: {
    steps: number;
    /** Columns. Default 60. */
    width?: number;
    /** Rows above the lowest. Default 10. */
    height?: number;
  },
): string {
  rejectUnknown("plot", options, ["steps", "width", "height"]);
  const { steps, width = 60, height = 10 } = options;
  checkRange("plot", "steps", steps, { min: 2 });
  checkRange("plot", "width", width, { min: 2 });
  checkRange("plot", "height", height, { min: 1 });
  const columns = Math.floor(width);
  const values = Array.from({ length: columns }, (_, i) =>
    schedule(Math.round((i * (steps - 1)) / (columns - 1))),
  );
  const first = values[0] as number;
  // asciichart labels the only row of a chart without a range 0, whatever the value.
  const flat = values.every((value) => value === first);
  const format = (value: number) => label(flat ? first : value);
  const chart = asciichart.plot(values, { height, format });
  const margin = " ".repeat(label(0).length + 2);
  const last = String(steps - 1);
  return `${chart}\n${margin}0${last.padStart(columns - 1)}`;
}
