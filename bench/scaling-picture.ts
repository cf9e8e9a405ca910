/**
 * npx tsx bench/scaling-picture.ts [results folder]
 * Draws docs/images/scaling.svg out of the results of the benchmark `scaling`.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chartToSvg } from "./chart.mjs";
import type { Report } from "./report.ts";
import { bestPeer, medianAt } from "./summary.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const folder = pathToFileURL(`${resolve(process.argv[2] ?? here("results"))}/`);

type Point = readonly [x: number, milliseconds: number];
interface Curves {
  readonly nabla: Point[];
  readonly other: Point[];
  readonly floor: Point[];
}

/** The reports of a family, by the number in their names. */
function curvesOf(family: string): Curves {
  const reports = readdirSync(folder)
    .filter((file) => file.startsWith(`scaling-${family}-`))
    .map((file) => JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Report)
    .map((report) => ({ report, x: Number(report.bench.split("-").at(-1)) }))
    .sort((a, b) => a.x - b.x);
  const curve = (of: (report: Report) => number | undefined): Point[] =>
    reports.flatMap(({ report, x }) => {
      const value = of(report);
      return value === undefined ? [] : [[x, value] as const];
    });
  return {
    nabla: curve((report) => {
      const medians = [1, 2].flatMap((threads) => medianAt(report, "nabla", threads) ?? []);
      return medians.length === 0 ? undefined : Math.min(...medians);
    }),
    other: curve((report) => bestPeer(report)?.measured.median),
    floor: curve((report) => report.floor?.value),
  };
}

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const powerOfTen = (value: number): string => {
  const exponent = Math.round(Math.log10(value));
  return `10${exponent < 0 ? "⁻" : ""}${[...String(Math.abs(exponent))].map((digit) => superscripts[Number(digit)]).join("")}`;
};

const milliseconds = (value: number): string =>
  value >= 1000
    ? `${value / 1000} s`
    : value >= 1
      ? `${value} ms`
      : `${Number((value * 1000).toPrecision(3))} µs`;

const [ink, faint, grid] = ["#24292f", "#57606a", "#d0d7de"];
const colours = { nabla: "#0969da", other: "#bc4c00", floor: "#8c959f" };

function panel(index: number, name: string, label: (value: number) => string, curves: Curves, base: number) {
  const line = (key: keyof Curves, title: string, width: number, symbol: string) => ({
    name: title,
    type: "line" as const,
    xAxisIndex: index,
    yAxisIndex: index,
    data: curves[key].map((point) => [...point]),
    symbol,
    symbolSize: 7,
    itemStyle: { color: colours[key] },
    lineStyle: {
      color: colours[key],
      width,
      type: key === "floor" ? ("dashed" as const) : ("solid" as const),
    },
  });
  const xs = curves.nabla.map(([x]) => x);
  return {
    xAxis: {
      type: "log" as const,
      logBase: base,
      gridIndex: index,
      name,
      nameLocation: "middle" as const,
      nameGap: 32,
      min: Math.min(...xs),
      max: Math.max(...xs),
      nameTextStyle: { color: ink, fontSize: 13 },
      axisLabel: { formatter: label, color: faint, fontSize: 12 },
      axisLine: { lineStyle: { color: faint } },
      splitLine: { lineStyle: { color: grid } },
    },
    yAxis: {
      type: "log" as const,
      gridIndex: index,
      name: "time of a step",
      nameTextStyle: { color: ink, fontSize: 13, align: "left" as const },
      axisLabel: { formatter: milliseconds, color: faint, fontSize: 12 },
      axisLine: { show: true, lineStyle: { color: faint } },
      splitLine: { lineStyle: { color: grid } },
    },
    series: [
      line("nabla", "nabla", 2.5, "circle"),
      line("other", "PyTorch, fused Adam", 2.5, "rect"),
      line("floor", "floor: peak arithmetic and bandwidth", 1, "none"),
    ],
  };
}

const panels = [
  panel(0, "parameters (batch 32)", powerOfTen, curvesOf("parameters"), 10),
  panel(1, "batch (82,689 parameters)", (value) => value.toLocaleString("en-US"), curvesOf("batch"), 2),
];
const option = {
  animation: false,
  backgroundColor: "#ffffff",
  textStyle: { fontFamily: "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif" },
  legend: {
    top: 8,
    textStyle: { color: ink, fontSize: 13 },
    data: panels[0]?.series.map(({ name }) => name),
  },
  grid: [
    { left: 70, top: 76, width: 370, height: 275 },
    { left: 560, top: 76, width: 370, height: 275 },
  ],
  xAxis: panels.map(({ xAxis }) => xAxis),
  yAxis: panels.map(({ yAxis }) => yAxis),
  series: panels.flatMap(({ series }) => series),
};
writeFileSync(here("../docs/images/scaling.svg"), `${chartToSvg(option, { width: 960, height: 420 })}\n`);
