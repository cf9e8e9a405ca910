/** Rules about the data alone. */
import type { Evidence } from "../evidence.ts";
import { type Finding, short } from "../finding.ts";

const many = (list: readonly number[]): string =>
  list.length > 5 ? `${list.slice(0, 5).join(", ")} and ${list.length - 5} more` : list.join(", ");

export function dataRules({ data, model, settings }: Evidence): Finding[] {
  if (data === null) return [];
  const found: Finding[] = [];
  const { inputs, targets } = data;
  if (inputs?.notFinite) {
    const { row, column, rows } = inputs.notFinite;
    found.push({
      id: "data-not-finite",
      severity: "severe",
      text: `${rows} of ${data.rows} rows hold a NaN or an infinity; the first is row ${row}, column ${column}.`,
      evidence: { rows, row, column },
      remedies: [{ kind: "drop-rows-not-finite" }, { kind: "advice", text: "impute the missing values" }],
    });
  } else if (targets.notFinite > 0) {
    found.push({
      id: "data-not-finite",
      severity: "severe",
      text: `${targets.notFinite} targets are NaN or infinite.`,
      evidence: { targets: targets.notFinite },
      remedies: [{ kind: "drop-rows-not-finite" }],
    });
  }
  if (inputs && inputs.leaks.length > 0) {
    const [first] = inputs.leaks;
    const columns = inputs.leaks.map(({ column }) => column);
    found.push({
      id: "leaking-column",
      severity: "severe",
      text: `Input column ${many(columns)} gives the target away: ${first?.how}. It may not be known when predicting.`,
      evidence: { columns: columns.join(","), how: first?.how ?? "" },
      remedies: [{ kind: "advice", text: `leave out column ${many(columns)}, unless it is known in use` }],
    });
  }
  if (data.shared !== null && data.shared > 0.05) {
    found.push({
      id: "validation-leak",
      severity: data.shared > 0.3 ? "severe" : "warning",
      text: `${Math.round(100 * data.shared)} % of the validation rows are training rows too: the validation says too much good.`,
      evidence: { shared: data.shared },
      remedies: [
        { kind: "advice", text: "split before anything is repeated, and by groups that belong together" },
      ],
    });
  }
  if (settings && !settings.shuffled && targets.changes !== null && targets.changes < 0.1) {
    found.push({
      id: "sorted-not-shuffled",
      severity: "severe",
      text: `The rows are sorted by label (neighbours differ ${short(targets.changes)} times as often as by chance) and not shuffled: each batch teaches one class and unteaches the others.`,
      evidence: { changes: targets.changes },
      remedies: [{ kind: "shuffle" }],
    });
  }
  found.push(...scaleRules(data, model?.normalises ?? false));
  if (data.shift !== null && data.shift > 1) {
    found.push({
      id: "validation-shift",
      severity: data.shift > 3 ? "severe" : "warning",
      text: `The validation inputs lie ${short(data.shift)} deviations from the training inputs on average: they are prepared otherwise, or of another kind.`,
      evidence: { shift: data.shift },
      remedies: [{ kind: "advice", text: "prepare both parts by what was fitted on the training data" }],
    });
  }
  if (inputs && inputs.constant.length > 0) {
    found.push({
      id: "constant-columns",
      severity: "info",
      text: `${inputs.constant.length} of ${inputs.columns.length} input columns never change.`,
      evidence: { columns: inputs.constant.length },
      remedies: [],
    });
  }
  if (inputs && inputs.duplicates.length > 0) {
    found.push({
      id: "duplicate-columns",
      severity: "info",
      text: `Input columns repeat others: ${many(inputs.duplicates.map(([, second]) => second))}.`,
      evidence: { columns: inputs.duplicates.length },
      remedies: [],
    });
  }
  if (targets.counts && targets.counts.size > 1) {
    const counts = [...targets.counts.values()];
    const rarest = Math.min(...counts) / data.rows;
    if (targets.counts.size <= 100 && rarest < 0.1 / targets.counts.size) {
      found.push({
        id: "unbalanced-classes",
        severity: "info",
        text: `The rarest class has ${short(100 * rarest)} % of the rows: look at a metric by class, not at accuracy alone.`,
        evidence: { share: rarest },
        remedies: [{ kind: "advice", text: "weigh the classes in the loss, or sample them evenly" }],
      });
    }
  }
  return found;
}

/** Beyond these an initial layer gives numbers that activations, losses and learning rates are not made for. */
const LARGEST_SCALE = 8;
const SMALLEST_SCALE = 0.02;

function scaleRules(data: NonNullable<Evidence["data"]>, normalises: boolean): Finding[] {
  const { inputs, targets } = data;
  const found: Finding[] = [];
  if (inputs && !normalises && !inputs.notFinite) {
    const { scale, columns } = inputs;
    const largest = Math.max(...columns.map(({ mean, deviation }) => Math.hypot(mean, deviation)));
    const offset = Math.max(
      ...columns.map(({ mean, deviation }) => (deviation > 0 ? Math.abs(mean) / deviation : 0)),
    );
    const wrong = scale > LARGEST_SCALE || (scale > 0 && scale < SMALLEST_SCALE) || largest > 30;
    if (wrong) {
      found.push({
        id: "inputs-not-scaled",
        severity: scale > LARGEST_SCALE || largest > 100 ? "severe" : "warning",
        text: `The inputs are not scaled: their root mean square is ${short(scale)}, that of the largest column ${short(largest)}; layers are made for about 1.`,
        evidence: { scale, largest, offset },
        remedies: [{ kind: "standardise-inputs" }, { kind: "normalise-layers" }],
      });
    }
  }
  if (targets.counts === null) {
    const size = Math.hypot(targets.mean, targets.deviation);
    if (size > 30 || (size > 0 && size < 1e-3)) {
      found.push({
        id: "targets-not-scaled",
        severity: size > 100 ? "severe" : "warning",
        text: `The targets are not scaled: mean ${short(targets.mean)}, deviation ${short(targets.deviation)}; a network begins with outputs of about 1.`,
        evidence: { mean: targets.mean, deviation: targets.deviation },
        remedies: [{ kind: "standardise-targets" }],
      });
    }
  }
  return found;
}
