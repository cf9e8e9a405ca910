/** What the model made of a few rows while it learned: a row each, a column for each time. */
import type { RecordedSamples } from "../track/samples-record.ts";
import { escapeText } from "./escape.ts";
import { heading, note } from "./page.ts";

type Sample = RecordedSamples["times"][number]["samples"][number];

export function samplesReport({ times, pictures }: RecordedSamples): string[] {
  const last = times.at(-1);
  if (last === undefined) return [];
  const shown = (text: string | null, name: string | undefined, alt: string): string => {
    const picture = name === undefined ? undefined : pictures.get(name);
    if (picture === undefined)
      return escapeText(text ?? (name === undefined ? "-" : "(its picture is not there)"));
    return `<img src="data:image/png;base64,${picture}" alt="${escapeText(alt)}">`;
  };
  const cell = (row: number, step: number, sample: Sample | undefined): string => {
    if (sample === undefined) return "<td>-</td>";
    const { predicted, confidence, right, pictures: own } = sample;
    const sure = confidence === null ? "" : ` (${(100 * confidence).toFixed(0)}%)`;
    const kind = right === null ? "" : ` class="${right ? "right" : "wrong"}" style="--d:30%"`;
    const text = predicted === null ? null : `${predicted}${sure}`;
    return `<td${kind}>${shown(text, own.predicted, `Row ${row}: prediction at step ${step}`)}</td>`;
  };
  const rows = last.samples.map((sample) => {
    const { row, input, truth, pictures: own } = sample;
    const cells = times.map(({ step, samples }) =>
      cell(
        row,
        step,
        samples.find((one) => one.row === row),
      ),
    );
    return `<tr><th scope="row">${row}</th><td>${shown(input, own.input, `Row ${row}`)}</td><td>${shown(truth, own.truth, `Row ${row}: truth`)}</td>${cells.join("")}</tr>`;
  });
  const head = ["row", "input", "truth", ...times.map(({ step }) => `step ${step.toLocaleString("en-US")}`)];
  const titles = head.map((title) => `<th scope="col">${escapeText(title)}</th>`).join("");
  return [
    heading("Samples"),
    note("The same rows, predicted while the model learned."),
    `<div class="wide"><table class="samples"><thead><tr>${titles}</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`,
  ];
}
