/** Rules about how the loss goes: learning rates, fitting too much or too little. */
import {
  against,
  between,
  courseOf,
  type Evidence,
  median,
  smallBatches,
  totalNorm,
  updateRatio,
} from "../evidence.ts";
import { type Finding, short } from "../finding.ts";
import { edgeEvidence } from "../look.ts";

export function progressRules(evidence: Evidence): Finding[] {
  return [
    ...decay(evidence),
    ...rateTooHigh(evidence),
    ...rateTooLow(evidence),
    ...overfitting(evidence),
    ...underfitting(evidence),
    ...constantOutput(evidence),
  ];
}

function decay({ telemetry, settings }: Evidence): Finding[] {
  const norms = telemetry.map((sample) => totalNorm(sample, "weightNorm"));
  const [first = 0, last = 0] = [norms[0], norms.at(-1)];
  if (norms.length < 6 || !(first > 0) || last > 0.25 * first) return [];
  return [
    {
      id: "decay-too-strong",
      severity: "severe",
      text: `The weights shrink to ${short(last / first)} of what they began with: they decay faster than they learn.`,
      evidence: { before: first, after: last, weightDecay: settings?.weightDecay ?? "unknown" },
      remedies: [{ kind: "no-weight-decay" }],
    },
  ];
}

const HIGHEST_RATIO = 0.1;

export function rateTooHigh(evidence: Evidence): Finding[] {
  const { telemetry, settings, range, failure } = evidence;
  const course = courseOf(telemetry);
  if (course === null || failure !== null) return [];
  const ratio = median(telemetry.map(updateRatio));
  const rate = settings?.learningRate ?? null;
  const above = rate !== null && range?.suggestion ? rate / range.suggestion : null;
  const share = against(course.last, evidence);
  // A small loss may jump about where training has come to its end.
  const rises = course.last > 1.5 * course.least && (share === null || share > 0.5);
  const bad = rises || (share !== null && share > 0.9);
  const beyond = rate !== null && range?.divergedAt != null && rate >= range.divergedAt;
  const far = above !== null && above > 20;
  const fast = ratio > HIGHEST_RATIO || beyond || far || course.last > 3 * course.first;
  // Steps that blow the weights up are too long, even where the loss survives it.
  const norms = telemetry.map((sample) => totalNorm(sample, "weightNorm"));
  const growth = norms[0] ? (norms.at(-1) ?? 0) / norms[0] : 1;
  const blown = growth > 20 || (growth > 5 && far);
  if (!(bad && fast) && !blown) return [];
  const factor = above !== null && above > 5 ? 1 / above : 0.1;
  return [
    {
      id: "learning-rate-too-high",
      severity: "severe",
      text: `The learning rate is too high: a step changes the weights by ${short(100 * ratio)} %, ${blown ? `they grew ${short(growth)} times, ` : ""}the loss ${rises ? "rises to" : "stays at"} ${short(course.last)}${above === null ? "" : `; the range test suggests ${short((rate ?? 0) / above)} in place of ${short(rate ?? 0)}`}.`,
      evidence: {
        updateRatio: ratio,
        weightGrowth: growth,
        loss: course.last,
        first: course.first,
        ...(above !== null && { aboveSuggestion: above }),
        ...edgeEvidence(evidence),
      },
      remedies: [
        { kind: "learning-rate", factor },
        { kind: "learning-rate", factor: 0.01 },
        { kind: "clip-gradients", maxNorm: 1 },
        { kind: "warm-up", steps: 100 },
      ],
    },
  ];
}

function rateTooLow(evidence: Evidence): Finding[] {
  const { telemetry, settings, range, failure } = evidence;
  const course = courseOf(telemetry);
  if (course === null || failure !== null) return [];
  const ratio = median(telemetry.map(updateRatio));
  const rate = settings?.learningRate ?? null;
  const below = rate !== null && range?.suggestion ? range.suggestion / rate : null;
  const still = course.last > 0.9 * course.early;
  if (!still || ratio > 1e-3 || !(ratio < 3e-5 || (below !== null && below > 30))) return [];
  return [
    {
      id: "learning-rate-too-low",
      severity: "severe",
      text: `The learning rate is too low: a step changes the weights by ${short(100 * ratio)} % and the loss goes from ${short(course.early)} to ${short(course.last)}${below === null ? "" : `; the range test suggests ${short((rate ?? 0) * below)} in place of ${short(rate ?? 0)}`}.`,
      evidence: {
        updateRatio: ratio,
        early: course.early,
        loss: course.last,
        ...(below !== null && { belowSuggestion: below }),
      },
      remedies: [
        { kind: "learning-rate", factor: below !== null && below > 5 ? below : 100 },
        { kind: "learning-rate", factor: 1000 },
      ],
    },
  ];
}

function overfitting({ history, settings }: Evidence): Finding[] {
  const scores = history.flatMap(({ train, validation }) =>
    validation === null ? [] : [{ train: train.loss, validation: validation.loss }],
  );
  const last = scores.at(-1);
  if (last === undefined || scores.length < 4) return [];
  const least = Math.min(...scores.map(({ validation }) => validation));
  const at = scores.findIndex(({ validation }) => validation === least);
  const trained = scores[at]?.train ?? last.train;
  const recent = median(between(scores, 0.8, 1).map(({ validation }) => validation));
  const rises = recent > 1.1 * least && last.train < 0.9 * trained;
  const gap = recent > 1.5 * last.train;
  if (!rises || !gap || settings?.partOfRows) return [];
  return [
    {
      id: "overfitting",
      severity: recent > 1.5 * least ? "severe" : "warning",
      text: `The net learns its training rows by heart: the validation loss was ${short(least)} after epoch ${at + 1} and is ${short(recent)} now, while the training loss fell from ${short(trained)} to ${short(last.train)}.`,
      evidence: { least, now: recent, train: last.train, bestEpoch: at + 1 },
      remedies: [
        { kind: "early-stopping", patience: Math.max(1, Math.ceil(scores.length / 10)) },
        { kind: "weight-decay", value: 0.1 },
        { kind: "dropout", rate: 0.5 },
        { kind: "advice", text: "more data, augmentation, or a smaller net" },
      ],
    },
  ];
}

function underfitting(evidence: Evidence): Finding[] {
  const { telemetry, failure } = evidence;
  const course = courseOf(telemetry);
  if (course === null || failure !== null) return [];
  const share = against(course.last, evidence);
  if (share === null || share < 0.5 || course.trend < 0.93) return [];
  const ratio = median(between(telemetry, 0.5, 1).map(updateRatio));
  return [
    {
      id: "underfitting",
      severity: "warning",
      text: `The net does not fit its own training rows: the loss no longer falls at ${short(course.last)}, ${Math.round(100 * share)} % of what one constant answer would have.`,
      evidence: { loss: course.last, ofConstant: share, trend: course.trend, updateRatio: ratio },
      remedies: [
        { kind: "widen", factor: 8 },
        { kind: "learning-rate", factor: 3 },
        { kind: "advice", text: "a deeper net, more epochs, or inputs that say more" },
      ],
    },
  ];
}

function constantOutput({ telemetry, settings }: Evidence): Finding[] {
  if (smallBatches(settings)) return [];
  const late = between(telemetry, 0.5, 1);
  const shares = late.map(({ activations }) => {
    const last = activations.at(-1);
    return last === undefined ? Number.NaN : last.spread / Math.max(1e-30, last.mean ** 2 + last.variance);
  });
  const share = median(shares);
  if (!(share < 1e-6)) return [];
  return [
    {
      id: "constant-output",
      severity: "warning",
      text: "The model gives the same for every row.",
      evidence: { spread: share },
      remedies: [{ kind: "advice", text: "look at the findings above: a symptom of theirs" }],
    },
  ];
}
