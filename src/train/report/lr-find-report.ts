/** The range test drawn: losses over the learning rate, with what it suggests. */
import { formatScore } from "../format.ts";
import type { LrFindResult } from "../lr-find.ts";
import { chartSvg } from "./chart.ts";
import { charts, lead, note, page, table } from "./page.ts";

/**
 * The curve as SVG text: smoothed losses over the learning rate on a logarithmic axis, the suggestion as a line. What explodes at the
 * end is cut off, as it would press the rest flat.
 * @example
 * await writeFile("lr.svg", lrFindChart(await lrFind({ model, loss, optimizer }, train)));
 */
export function lrFindChart(
  { points, suggestion }: LrFindResult,
  title = "Learning-rate range test",
): string {
  const least = Math.min(...points.map(({ smoothed }) => smoothed));
  const most = Math.max(points[0]?.smoothed ?? 0, least) * 1.3;
  const shown = points.filter(({ smoothed }) => smoothed <= most);
  return chartSvg({
    title,
    x: { label: "learning rate", log: true },
    y: { label: "loss" },
    series: [
      { name: "smoothed loss", points: shown.map(({ learningRate, smoothed }) => [learningRate, smoothed]) },
      {
        name: "loss of the batch",
        points: shown
          .filter(({ loss }) => loss <= most)
          .map(({ learningRate, loss }) => [learningRate, loss]),
        faint: true,
      },
    ],
    marks: suggestion === null ? [] : [{ x: suggestion, label: `suggested ${suggestion.toPrecision(2)}` }],
  });
}

/** The chart in a page of its own, with the figures. */
export function lrFindReport(
  result: LrFindResult,
  about: { readonly title: string; readonly subtitle: string },
): string {
  const { suggestion, tenthOfLeast, reason, points } = result;
  const first =
    suggestion === null
      ? "The loss fell nowhere: there is no rate to suggest."
      : `Suggested learning rate: ${suggestion.toPrecision(2)}, with three quarters of the fall behind it.`;
  const ends = {
    diverged: "the loss exploded",
    done: "all steps were done",
    interrupted: "it was interrupted",
  };
  return page(about, [
    lead([first]),
    charts([lrFindChart(result)]),
    table(
      ["steps", "first loss", "least smoothed loss", "a tenth of its rate", "ended because"],
      [
        [
          String(points.length),
          formatScore(points[0]?.loss ?? Number.NaN),
          formatScore(Math.min(...points.map(({ smoothed }) => smoothed))),
          tenthOfLeast.toPrecision(2),
          ends[reason],
        ],
      ],
    ),
    note("A tenth of the best point's rate suits schedules that begin at their highest rate."),
  ]);
}
