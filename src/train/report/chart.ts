/** A line chart as SVG text that stands alone or in a page, in the reader's light or dark colours. Numbers in, no library needed. */
import { escapeText } from "./escape.ts";
import { type Scale, scaleOf } from "./scale.ts";

export interface ChartSeries {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Shown as an area behind the line. */
  readonly band?: readonly { readonly x: number; readonly low: number; readonly high: number }[];
  readonly faint?: boolean;
  /** Marks the points themselves. */
  readonly dots?: boolean;
}

export interface ChartAxis {
  readonly label: string;
  /** Values that are not above 0 are left out then. */
  readonly log?: boolean;
}

export interface Chart {
  readonly title: string;
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  readonly series: readonly ChartSeries[];
  /** Vertical lines. */
  readonly marks?: readonly { readonly x: number; readonly label: string }[];
  /** Horizontal ones. */
  readonly levels?: readonly { readonly y: number; readonly label: string }[];
}

const [width, height] = [720, 400];
const plot = { left: 70, right: 20, top: 88, bottom: 52 };
const colours = 8;

/** Of lines, areas and text; ones told apart by the colour-blind too (after Okabe and Ito, "Color universal design", 2008). */
const style = `
.chart{--ink:#24292f;--faint:#57606a;--grid:#d8dee4;--paper:#ffffff;--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#b0568c;--c4:#8a6d00;--c5:#4b45b8;--c6:#b3261e;--c7:#555555}
@media (prefers-color-scheme:dark){.chart{--ink:#e6edf3;--faint:#9da7b1;--grid:#30363d;--paper:#0d1117;--c0:#56b4e9;--c1:#ff8c42;--c2:#2fc79a;--c3:#e39ac5;--c4:#e6c84f;--c5:#a5a1ff;--c6:#ff7b72;--c7:#b0b0b0}}
.chart text{font:13px system-ui,'Segoe UI','DejaVu Sans',sans-serif;fill:var(--faint)}
.chart .title{font-size:15px;font-weight:600;fill:var(--ink)}
.chart .legend{fill:var(--ink)}
.chart .grid{stroke:var(--grid);stroke-width:1}
.chart .line{fill:none;stroke-width:2.2;stroke-linejoin:round}
.chart .thin{stroke-width:1;opacity:.45}
.chart .band{opacity:.2;stroke:none}
.chart .rule{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:5 4}
`.trim();

/** The chart, 720 by 400. Points that are not finite are left out; so are series without any. */
export function chartSvg(chart: Chart): string {
  const shown = chart.series.map((series) => onAxes(series, chart)).filter(({ points }) => points.length > 0);
  const levels = (chart.levels ?? []).filter(({ y }) => isOn(y, chart.y));
  const xs = [
    ...shown.flatMap(({ points }) => points.map(([x]) => x)),
    ...(chart.marks ?? []).map(({ x }) => x),
  ];
  const ys = [
    ...shown.flatMap(({ points, band = [] }) => [
      ...points.map(([, y]) => y),
      ...band.flatMap(({ low, high }) => [low, high]),
    ]),
    ...levels.map(({ y }) => y),
  ];
  const [scaleX, scaleY] = [scaleOf(xs, chart.x.log ?? false), scaleOf(ys, chart.y.log ?? false)];
  const place: Place = {
    x: (value) => plot.left + scaleX.at(value) * (width - plot.left - plot.right),
    y: (value) => height - plot.bottom - scaleY.at(value) * (height - plot.top - plot.bottom),
  };
  const dashes = (index: number) => (index >= colours ? ' stroke-dasharray="7 4"' : "");
  return [
    `<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeText(chart.title)}">`,
    `<style>${style}</style>`,
    `<rect width="${width}" height="${height}" fill="var(--paper)"/>`,
    text(plot.left, 24, chart.title, "title"),
    axes(chart, place, scaleX, scaleY),
    ...shown.map(({ band = [] }, index) => area(band, place, index)),
    ...shown.map((series, index) => line(series, place, index, dashes(index))),
    ...levels.map(({ y, label }) => rule([plot.left, place.y(y), width - plot.right, place.y(y)], label)),
    ...(chart.marks ?? []).map(({ x, label }) =>
      rule([place.x(x), plot.top, place.x(x), height - plot.bottom], label),
    ),
    legend(shown, dashes),
    "</svg>",
  ].join("\n");
}

interface Place {
  x(value: number): number;
  y(value: number): number;
}

const isOn = (value: number, { log }: ChartAxis): boolean => Number.isFinite(value) && (!log || value > 0);

function onAxes(series: ChartSeries, { x, y }: Chart): ChartSeries {
  return {
    ...series,
    points: series.points.filter((point) => isOn(point[0], x) && isOn(point[1], y)),
    band: series.band?.filter((at) => isOn(at.x, x) && isOn(at.low, y) && isOn(at.high, y)),
  };
}

const number = (value: number): string => value.toFixed(1);

const text = (x: number, y: number, content: string, kind = "", more = ""): string =>
  `<text x="${number(x)}" y="${number(y)}"${kind && ` class="${kind}"`}${more}>${escapeText(content)}</text>`;

function axes({ x, y }: Chart, place: Place, scaleX: Scale, scaleY: Scale): string {
  const bottom = height - plot.bottom;
  const right = width - plot.right;
  return [
    ...scaleY.ticks.flatMap(({ value, label }) => [
      `<line class="grid" x1="${plot.left}" x2="${right}" y1="${number(place.y(value))}" y2="${number(place.y(value))}"/>`,
      text(plot.left - 8, place.y(value) + 4, label, "", ' text-anchor="end"'),
    ]),
    ...scaleX.ticks.flatMap(({ value, label }) => [
      `<line class="grid" x1="${number(place.x(value))}" x2="${number(place.x(value))}" y1="${plot.top}" y2="${bottom}"/>`,
      text(place.x(value), bottom + 20, label, "", ' text-anchor="middle"'),
    ]),
    text((plot.left + right) / 2, height - 10, x.label, "", ' text-anchor="middle"'),
    text(plot.left, plot.top - 8, y.label),
  ].join("\n");
}

function line({ points, faint, dots }: ChartSeries, place: Place, index: number, dash: string): string {
  const colour = `var(--c${index % colours})`;
  const path = points.map(([x, y]) => `${number(place.x(x))},${number(place.y(y))}`);
  const marks = dots || points.length === 1 ? path.map((at) => dot(at, colour)) : [];
  const kind = faint ? "line thin" : "line";
  return [
    `<polyline class="${kind}" style="stroke:${colour}"${dash} points="${path.join(" ")}"/>`,
    ...marks,
  ].join("\n");
}

function dot(at: string, colour: string): string {
  const [x, y] = at.split(",");
  return `<circle cx="${x}" cy="${y}" r="3.2" style="fill:${colour}"/>`;
}

function area(band: NonNullable<ChartSeries["band"]>, place: Place, index: number): string {
  if (band.length < 2) return "";
  const upper = band.map(({ x, high }) => `${number(place.x(x))},${number(place.y(high))}`);
  const lower = band.map(({ x, low }) => `${number(place.x(x))},${number(place.y(low))}`).reverse();
  return `<polygon class="band" style="fill:var(--c${index % colours})" points="${[...upper, ...lower].join(" ")}"/>`;
}

function rule([x1, y1, x2, y2]: readonly [number, number, number, number], label: string): string {
  // Its words stand where there is room: left of a line in the right half.
  const level = y1 === y2;
  const flip = !level && x1 > width / 2;
  const at = level
    ? text(x2 - 4, y1 - 5, label, "", ' text-anchor="end"')
    : text(flip ? x1 - 6 : x1 + 6, y1 + 14, label, "", flip ? ' text-anchor="end"' : "");
  return `<line class="rule" x1="${number(x1)}" y1="${number(y1)}" x2="${number(x2)}" y2="${number(y2)}"/>\n${at}`;
}

/** Two rows of names, as many as fit. */
function legend(series: readonly ChartSeries[], dash: (index: number) => string): string {
  const items: string[] = [];
  let [x, y] = [plot.left, 46];
  for (const [index, { name }] of series.entries()) {
    const room = 34 + 7.5 * name.length;
    if (x + room > width - plot.right - (y > 46 ? 80 : 0)) {
      if (y > 46) {
        items.push(text(x, y, `and ${series.length - index} more`, "legend"));
        break;
      }
      [x, y] = [plot.left, 64];
    }
    items.push(
      `<line class="line" style="stroke:var(--c${index % colours})"${dash(index)} x1="${number(x)}" x2="${number(x + 18)}" y1="${y - 4}" y2="${y - 4}"/>`,
      text(x + 24, y, name, "legend"),
    );
    x += room + 8;
  }
  return items.join("\n");
}
