/** A run's profile in its report: how its time parts into phases and layers, and its kernels under the machine's roof. */
import { type Cost, elsewhere, type Profile } from "../profile/profile.ts";
import { kernelRows, partRows, phaseRows, profileLines, type Rows } from "../profile/words.ts";
import { barsFigure } from "./bars.ts";
import { type Chart, chartSvg } from "./chart.ts";
import { charts, details, heading, note, table } from "./page.ts";

const mostBars = 30;

export function profileReport(profile: Profile): string[] {
  const rows = ([head = [], ...body]: Rows) => table(head, body);
  const phases = barsFigure({
    title: "Phases of the run",
    unit: "seconds",
    parts: [],
    bars: profile.phases.map(({ name, seconds }) => ({ name, values: [seconds] })),
  });
  const parts = barsFigure({
    title: "A training step",
    unit: "microseconds of all threads:",
    parts: ["forward", "backward"],
    bars: profile.parts.slice(0, mostBars).map(({ path, forward, backward }) => ({
      name: path === elsewhere ? "moving and packing" : path,
      values: [micros(forward), micros(backward)],
    })),
  });
  return [
    heading("Where the time went"),
    ...profileLines(profile).map(note),
    charts([phases, parts, `<figure>${chartSvg(rooflineChart(profile))}</figure>`]),
    details("Phases as a table", rows(phaseRows(profile))),
    details("Parts of a step as a table", rows(partRows(profile))),
    details("The longest kernels", rows(kernelRows(profile))),
  ];
}

const micros = ({ seconds }: Cost): number => seconds * 1e6;

const mostDots = 7;

/** The kernels that take longest, by what they do for each byte, below what the machine reaches. */
function rooflineChart({ kernels, peaks, threads }: Profile): Chart {
  const dots = kernels
    .filter(({ flops, bytes, seconds }) => flops > 0 && bytes > 0 && seconds > 0)
    .slice(0, mostDots)
    .map(({ parts, step, flops, bytes, seconds }) => ({
      name: `${step.split(" ")[0]} ${parts[0] ?? ""}`.trim(),
      points: [[flops / bytes, (threads * flops) / seconds / 1e9] as const],
    }));
  const intensities = dots.flatMap(({ points }) => points.map(([x]) => x));
  const ridge = peaks.flopsPerSecond / peaks.bytesPerSecond;
  const from = Math.min(ridge / 10, ...intensities) / 2;
  const to = Math.max(ridge * 10, ...intensities) * 2;
  const roof = [from, ridge, to].map(
    (x) => [x, Math.min(peaks.flopsPerSecond, x * peaks.bytesPerSecond) / 1e9] as const,
  );
  return {
    title: "The longest kernels under the roof",
    x: { label: "operations for each byte", log: true },
    y: { label: "GFLOP/s of all threads", log: true },
    series: [{ name: "what the machine reaches", points: roof }, ...dots],
  };
}
