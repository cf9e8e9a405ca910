/** Horizontal bars, each of several parts one after the other, with their names and sums. */
import { escapeText } from "./escape.ts";

export interface Bars {
  readonly title: string;
  /** What the numbers are in. */
  readonly unit: string;
  /** The names of a bar's parts, in order; one part needs none. */
  readonly parts: readonly string[];
  readonly bars: readonly { readonly name: string; readonly values: readonly number[] }[];
}

export function barsFigure({ title, unit, parts, bars }: Bars): string {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const most = Math.max(...bars.map(({ values }) => sum(values)), Number.MIN_VALUE);
  const rows = bars.map(({ name, values }) => {
    const segments = values.map(
      (value, part) =>
        `<i class="part${part}" style="width:${((100 * value) / most).toFixed(2)}%" title="${escapeText(parts[part] ?? name)}: ${figures(value)}"></i>`,
    );
    return `<tr><td>${escapeText(name)}</td><td class="track">${segments.join("")}</td><td>${figures(sum(values))}</td></tr>`;
  });
  const key = parts.map((part, index) => `<i class="key part${index}"></i>${escapeText(part)}`).join(" ");
  return `<figure class="bars"><figcaption><strong>${escapeText(title)}</strong>, ${escapeText(unit)} ${key}</figcaption><table><tbody>${rows.join("\n")}</tbody></table></figure>`;
}

/** Three significant digits. */
const figures = (value: number): string =>
  Number(value.toPrecision(3)).toLocaleString("en-US", { maximumSignificantDigits: 3 });
