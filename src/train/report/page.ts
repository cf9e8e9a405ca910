/** A page of its own: one HTML file without scripts, readable from disk, light or dark as the reader's system is. */
import { escapeText } from "./escape.ts";

const style = `
:root{color-scheme:light dark;--ink:#24292f;--faint:#57606a;--rule:#d8dee4;--paper:#ffffff;--shade:#f6f8fa}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--faint:#9da7b1;--rule:#30363d;--paper:#0d1117;--shade:#161b22}}
body{margin:0 auto;max-width:76rem;padding:1.5rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,'Segoe UI','DejaVu Sans',sans-serif}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.subtitle,.note{color:var(--faint)}.lead{background:var(--shade);border-left:4px solid #0072b2;padding:.7rem 1rem;margin:1rem 0}.lead p{margin:0}
.charts{display:grid;align-items:start;grid-template-columns:repeat(auto-fill,minmax(min(28rem,100%),1fr));gap:1rem}
.charts svg{width:100%;max-width:46rem;height:auto;display:block}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .8rem;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}th{color:var(--faint);font-weight:600}
td.text{white-space:normal;text-align:left}
.sides{display:grid;gap:0 3rem;grid-template-columns:repeat(auto-fit,minmax(min(30rem,100%),1fr))}.facts td{text-align:left;white-space:normal;overflow-wrap:anywhere}.facts td:first-child{color:var(--faint);white-space:nowrap}
figure{margin:0}details{margin:.4rem 0}summary{cursor:pointer;color:var(--faint)}pre{overflow-x:auto;background:var(--shade);padding:1rem;font:13px/1.45 ui-monospace,'DejaVu Sans Mono',monospace}
caption{text-align:left;color:var(--faint);padding-bottom:.3rem}
.confusion{--right:#0072b2;--wrong:#d55e00}.confusion td,.confusion th{padding:.3rem .65rem}
.right{background:color-mix(in srgb,var(--right) var(--d),transparent)}.wrong{background:color-mix(in srgb,var(--wrong) var(--d),transparent)}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));gap:1rem}
.pictures img{width:7rem;height:7rem;object-fit:contain;image-rendering:pixelated;background:#000;border-radius:4px;display:block}
.pictures figcaption{font-size:.85rem;color:var(--faint)}
.bars{--part0:#0072b2;--part1:#d55e00}.bars table{width:100%}.bars td{padding:.2rem .8rem .2rem 0}.bars .track{width:65%}.bars i{display:inline-block;height:.9rem;vertical-align:middle}.bars .key{width:.9rem;margin:0 .3rem 0 .6rem}.part0{background:var(--part0)}.part1{background:var(--part1)}
.samples img{width:4.5rem;height:4.5rem;object-fit:contain;image-rendering:pixelated;background:#000;border-radius:4px;display:block}.samples{--right:#009e73;--wrong:#d55e00}.samples td{white-space:normal;max-width:22rem;text-align:left}
.advice{list-style:none;padding:0}.advice li{border-left:4px solid #0072b2;padding:.4rem 1rem;margin:.5rem 0;background:var(--shade)}.advice .warning{border-color:#b58900}.advice .severe{border-color:#c62828}
`.trim();

/** `body` is markup; title and subtitle are text. */
export function page(
  { title, subtitle }: { readonly title: string; readonly subtitle: string },
  body: readonly string[],
): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeText(title)}</h1>
<p class="subtitle">${escapeText(subtitle)}</p>
${body.join("\n")}
</body>
</html>
`;
}

/** A line that stands out for each text. */
export const lead = (texts: readonly string[]): string =>
  `<div class="lead">${texts.map((text) => `<p>${escapeText(text)}</p>`).join("")}</div>`;

export const heading = (text: string): string => `<h2>${escapeText(text)}</h2>`;

export const note = (text: string): string => `<p class="note">${escapeText(text)}</p>`;

/** What opens when it is asked for; `body` is markup. */
export const details = (summary: string, body: string): string =>
  `<details><summary>${escapeText(summary)}</summary>${body}</details>`;

export const charts = (svgs: readonly string[]): string => `<div class="charts">${svgs.join("\n")}</div>`;

/** Names with their values. */
export const facts = (rows: readonly (readonly [string, string])[]): string =>
  `<table class="facts"><tbody>${rows.map(([name, value]) => `<tr><td>${escapeText(name)}</td><td>${escapeText(value)}</td></tr>`).join("\n")}</tbody></table>`;

/** Parts beside each other where there is room. */
export const sides = (parts: readonly string[]): string =>
  `<div class="sides">${parts.map((part) => `<div>${part}</div>`).join("\n")}</div>`;

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeText(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="wide"><table><thead>${row(head, "th")}</thead><tbody>${rows.map((cells) => row(cells, "td")).join("\n")}</tbody></table></div>`;
}
