/** Reports: charts show what they are given, in place; texts are escaped; nothing is fetched from anywhere. */
import {
  type CompareResult,
  compareReport,
  type Finalist,
  type LrFindResult,
  lrFindChart,
  lrFindReport,
} from "nabla/train";
import { describe, expect, it } from "vitest";
import { type Chart, chartSvg } from "../../src/train/report/chart.ts";
import { escapeText } from "../../src/train/report/escape.ts";
import { scaleOf } from "../../src/train/report/scale.ts";

const chart = (change: Partial<Chart> = {}): Chart => ({
  title: "a chart",
  x: { label: "x" },
  y: { label: "y" },
  series: [
    {
      name: "one",
      points: [
        [0, 0],
        [5, 10],
        [10, 5],
      ],
    },
  ],
  ...change,
});
const lines = (svg: string): string[] =>
  [...svg.matchAll(/<polyline[^>]* points="([^"]*)"/g)].map(([, at]) => at ?? "");

describe("scales", () => {
  it("label round values within what is shown", () => {
    expect(scaleOf([0, 1037], false).ticks.map(({ label }) => label)).toEqual(["0", "500", "1,000"]);
    expect(scaleOf([-0.31, 0.42], false).ticks.map(({ label }) => label)).toEqual([
      "-0.2",
      "0.0",
      "0.2",
      "0.4",
    ]);
    expect(scaleOf([1e-4, 1], true).ticks.map(({ label }) => label)).toEqual([
      "1e-4",
      "0.001",
      "0.01",
      "0.1",
      "1",
    ]);
    expect(scaleOf([0.2, 0.9], true).ticks.map(({ value }) => value)).toEqual([0.2, 0.3, 0.5, 0.7]);
    expect(scaleOf([1e-12, 1e12], true).ticks.length).toBeLessThan(10);
  });

  it("place values evenly, or by their logarithm, and a single one in the middle", () => {
    const linear = scaleOf([10, 30], false);
    expect([10, 15, 30].map(linear.at)).toEqual([0, 0.25, 1]);
    const log = scaleOf([0.01, 100], true);
    expect([0.01, 1, 100].map(log.at)).toEqual([0, 0.5, 1]);
    expect([scaleOf([7], false).at(7), scaleOf([7], true).at(7)]).toEqual([0.5, expect.closeTo(0.5, 9)]);
    expect(scaleOf([], false).at(1)).toBe(0.5);
  });
});

describe("chartSvg", () => {
  it("puts points where they belong: from the axes to the edges", () => {
    expect(lines(chartSvg(chart()))).toEqual(["70.0,348.0 385.0,88.0 700.0,218.0"]);
  });

  it("leaves out what is not finite, and on a logarithmic axis what is not above 0", () => {
    const points = [
      [0, 1],
      [1, Number.POSITIVE_INFINITY],
      [10, 2],
      [100, 3],
    ] as const;
    const series = [
      { name: "one", points },
      { name: "none", points: [[1, Number.NaN] as const] },
    ];
    const svg = chartSvg(chart({ x: { label: "x", log: true }, series }));
    expect(lines(svg)).toEqual(["70.0,348.0 700.0,88.0"]);
    expect(svg).not.toContain(">none<");
    expect(chartSvg(chart({ series: [] }))).not.toContain("NaN");
  });

  it("draws bands, marks and levels, and tells more series apart than it has colours", () => {
    const band = [
      { x: 0, low: 0, high: 1 },
      { x: 10, low: 4, high: 10 },
    ];
    const many = Array.from({ length: 20 }, (_, i) => ({
      name: `series ${i}`,
      points: [[i, i] as const],
      band,
    }));
    const svg = chartSvg(
      chart({ series: many, marks: [{ x: 5, label: "here" }], levels: [{ y: 5, label: "so low" }] }),
    );
    expect(svg.match(/<polygon class="band"/g)).toHaveLength(20);
    expect(svg.match(/class="rule"/g)).toHaveLength(2);
    expect(svg.match(/<polyline[^>]*stroke-dasharray/g)).toHaveLength(12);
    expect(svg).toMatch(/and \d+ more/);
  });

  it("escapes every text", () => {
    const nasty = `<script>alert("x")&'</script>`;
    expect(escapeText(nasty)).toBe("&lt;script&gt;alert(&quot;x&quot;)&amp;&#39;&lt;/script&gt;");
    const svg = chartSvg(
      chart({
        title: nasty,
        x: { label: nasty },
        y: { label: nasty },
        series: [{ name: nasty, points: [[1, 1]] }],
        marks: [{ x: 1, label: nasty }],
        levels: [{ y: 1, label: nasty }],
      }),
    );
    expect(svg).not.toContain("<script");
    expect(svg.split(escapeText(nasty))).toHaveLength(8); // the title twice
  });
});

const finalist = (optimizer: string, losses: number[]): Finalist => ({
  ...{ optimizer, learningRate: 0.01, batchSize: 32, losses, mean: losses[0] as number, deviation: 0.01 },
  ...{ steps: 200, seconds: 2, stateBytesPerParameter: 8 },
  curves: losses.map((loss) => [
    { step: 100, seconds: 1, loss: 2 * loss },
    { step: 200, seconds: 2, loss },
  ]),
  reached: { seeds: 1, steps: 150.4, seconds: 1.5 },
});
const trial = (optimizer: string, loss: number, error: string | null = null) => ({
  ...{ optimizer, learningRate: 0.01, batchSize: 32, loss, steps: 200, seconds: 2, stateBytes: 8000 },
  ...{ diverged: false, error, curve: [{ step: 200, seconds: 2, loss }] },
});
const result: CompareResult = {
  trials: [trial("adam", 0.1), trial("<b>", 0.2), trial("sgd", Number.POSITIVE_INFINITY, "<i>broken</i>")],
  rounds: [{ settings: 3, rows: 6400, seconds: 5 }],
  finalists: [finalist("adam", [0.1, 0.12]), finalist("<b>", [0.2, 0.22])],
  winner: { optimizer: "adam", learningRate: 0.01, batchSize: 32 },
  ...{ p: 0.02, insideNoise: false, target: 0.2, seconds: 12 },
};
const about = { title: "t & t", subtitle: "<s>" };

describe("compareReport", () => {
  it("holds verdict, finalists, curves with their spread, all trials and why one failed", () => {
    const page = compareReport(result, about);
    expect(page).toContain("Best: adam at 0.010, batch 32.");
    expect(page).toContain("The difference is beyond the noise of the seeds (p = 0.020).");
    expect(page).toContain("<td>150 (1 of 2 seeds)</td>");
    expect(page.match(/class="band"/g)).toHaveLength(4);
    expect(page).toContain("Round 1: 3 settings up to 6,400 rows.");
    expect(page).toContain("&lt;i&gt;broken&lt;/i&gt;");
    expect(page).not.toMatch(/<b>|<i>|<s>|<script|undefined|NaN/);
    expect(page.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:|src=|href=|@import|url\(/);
  });

  it("says so when there was nothing to measure", () => {
    const none = {
      ...result,
      trials: [],
      rounds: [],
      finalists: [],
      winner: null,
      p: null,
      insideNoise: null,
    };
    expect(compareReport({ ...none, target: null }, about)).toContain(
      "Interrupted before anything was measured.",
    );
  });
});

describe("the range test's report", () => {
  const points = Array.from({ length: 9 }, (_, i) => ({
    ...{ learningRate: 10 ** (i - 6), loss: 2 - i / 10, smoothed: i === 8 ? 50 : 2 - i / 10 },
  }));
  const test: LrFindResult = { points, suggestion: 1e-3, tenthOfLeast: 1e-2, fall: 0.5, reason: "diverged" };

  it("marks the suggestion on the curve, without the explosion", () => {
    const svg = lrFindChart(test);
    expect(svg).toContain(">suggested 0.0010</text>");
    expect(lines(svg)[0]?.split(" ")).toHaveLength(8);
    const page = lrFindReport(test, about);
    expect(page).toContain("Suggested learning rate: 0.0010");
    expect(page).toContain("<td>the loss exploded</td>");
    expect(lrFindChart({ ...test, suggestion: null })).not.toContain('class="rule"');
  });
});
