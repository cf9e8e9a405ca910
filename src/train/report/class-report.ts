/** The confusion matrix as a table that is shaded, and the worst mistakes as pictures or rows. */
import { formatScore } from "../format.ts";
import type { ClassEvaluation } from "../track/class-evaluation.ts";
import { escapeText } from "./escape.ts";
import { heading, note, table } from "./page.ts";

const percent = (share: number): string => `${(100 * share).toFixed(share > 0 && share < 0.01 ? 2 : 1)}%`;

export function classReport(evaluation: ClassEvaluation): string[] {
  const { rows, classes, matrix, mistakes } = evaluation;
  const right = matrix.reduce((sum, cells, at) => sum + (cells[at] ?? 0), 0);
  const body = [
    heading("Classes"),
    note(
      `${right.toLocaleString("en-US")} of ${rows.toLocaleString("en-US")} rows of the validation data are right (${percent(right / rows)}). A row of the table is a true class, a column what was predicted.`,
    ),
    confusion(classes, matrix),
  ];
  if (mistakes.length === 0) return body;
  return [
    ...body,
    heading("Worst mistakes"),
    note("The least probability of the right class first."),
    worst(evaluation),
  ];
}

/** Cells are shaded by their share of the row, right ones and wrong ones in colours of their own; numbers stand in them all. */
function confusion(classes: readonly string[], matrix: ClassEvaluation["matrix"]): string {
  const head = classes.map((name) => `<th scope="col">${escapeText(name)}</th>`).join("");
  const rows = matrix.map((cells, target) => {
    const total = cells.reduce((sum, count) => sum + count, 0);
    const shown = cells.map((count, predicted) => {
      const share = total === 0 ? 0 : count / total;
      // Mistakes are rare: their shades are by the root, so that few can be told from none.
      const depth = Math.round(100 * (predicted === target ? 0.55 * share : 0.7 * Math.sqrt(share)));
      const kind = predicted === target ? "right" : "wrong";
      return `<td class="${kind}" style="--d:${depth}%">${count}</td>`;
    });
    const recall = total === 0 ? "-" : percent((cells[target] ?? 0) / total);
    return `<tr><th scope="row">${escapeText(classes[target] ?? "")}</th>${shown.join("")}<td>${recall}</td></tr>`;
  });
  return `<div class="wide"><table class="confusion"><caption>Confusion matrix</caption><thead><tr><th scope="col">true \\ predicted</th>${head}<th scope="col">right</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

function worst({ classes, mistakes }: ClassEvaluation): string {
  const name = (at: number) => classes[at] ?? String(at);
  if (mistakes.every(({ picture }) => picture === null)) {
    return table(
      ["row", "true class", "predicted", "probability of it", "of the true class", "values"],
      mistakes.map(({ row, target, predicted, confidence, probability, values }) => [
        String(row),
        name(target),
        name(predicted),
        percent(confidence),
        percent(probability),
        values.map(formatScore).join(", "),
      ]),
    );
  }
  const figures = mistakes.map(({ row, target, predicted, confidence, picture }) => {
    const text = `${name(target)} taken for ${name(predicted)}`;
    return `<figure><img src="data:image/png;base64,${picture}" alt="Row ${row}: ${escapeText(text)}"><figcaption>${escapeText(text)}<br>${percent(confidence)} sure, row ${row}</figcaption></figure>`;
  });
  return `<div class="pictures">${figures.join("\n")}</div>`;
}
