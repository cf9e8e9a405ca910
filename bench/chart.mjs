/** An echarts option as SVG text. Plain JavaScript: only `npm ci --prefix bench` brings echarts and its types. */
import * as echarts from "echarts";

export function chartToSvg(option, size) {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, ...size });
  chart.setOption(option);
  const svg = chart.renderToSVGString();
  // Its timers would keep the process alive.
  chart.dispose();
  return svg;
}
