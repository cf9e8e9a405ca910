/** Rules about a loss that jumps about: small batches, or steps that the loss bends too sharply for. */
import { against, courseOf, type Evidence } from "../evidence.ts";
import { type Finding, short } from "../finding.ts";
import { NOISE_DOMINATES, noiseScaleOf, sharpnessOf, UNREST } from "../look.ts";
import type { Remedy } from "../remedy.ts";
import { rateTooHigh } from "./progress.ts";

export const unrestRules = (evidence: Evidence): Finding[] => [...noisy(evidence), ...sharp(evidence)];

/** A small loss may jump about where training has come to its end. */
const SMALL = 0.15;

/** Batches so small are noise for most losses, also where that was not measured. */
const FEW_ROWS = 4;

/** Above it, larger batches are worth less than the steps they take the place of. */
const MOST_TIMES = 64;

function noisy(evidence: Evidence): Finding[] {
  const { telemetry, settings, looks } = evidence;
  const course = courseOf(telemetry);
  const size = settings?.batchSize ?? null;
  if (course === null || size === null) return [];
  const share = against(course.last, evidence);
  if (share !== null && share < SMALL) return [];
  const stuck = course.trend > 0.9;
  const few = size <= FEW_ROWS;
  const scale = looks.length === 0 ? null : noiseScaleOf(looks);
  const jumps = few ? course.jitter >= 0.4 : scale !== null && course.jitter >= UNREST && stuck;
  if (!jumps || (scale !== null && scale < NOISE_DOMINATES * size)) return [];
  const times = scale === null ? 16 : 2 ** Math.ceil(Math.log2(Math.min(MOST_TIMES, scale / size)));
  const measured =
    scale === null
      ? ""
      : scale === Number.POSITIVE_INFINITY
        ? ", and their mean gradient is lost in it (noise scale beyond measure)"
        : `, with a gradient noise scale of ${short(scale)} rows`;
  return [
    {
      id: "noisy-gradients",
      severity: stuck && few ? "severe" : "warning",
      text: `Batches of ${size} are noise${measured}: from one to the next the loss changes by ${Math.round(100 * course.jitter)} %${stuck ? ", and it no longer falls" : ""}.`,
      evidence: {
        batchSize: size,
        jitter: course.jitter,
        trend: course.trend,
        ...(scale !== null && { noiseScale: Number.isFinite(scale) ? scale : "beyond measure" }),
      },
      remedies: [
        { kind: "batch-size", factor: times },
        { kind: "learning-rate", factor: 0.1 },
        {
          kind: "advice",
          text: "accumulate gradients, let the learning rate decay, or evaluate an average of the weights (ema)",
        },
      ],
    },
  ];
}

/** Only of optimizers whose edge is known, and where noise is no better reason. A rate that is too high for all is said by its own rule. */
function sharp(evidence: Evidence): Finding[] {
  const { telemetry, looks, failure } = evidence;
  const course = courseOf(telemetry);
  const at = sharpnessOf(looks);
  if (course === null || at === null || failure !== null || at.ofEdge < 1 || course.jitter < UNREST)
    return [];
  const share = against(course.last, evidence);
  if ((share !== null && share < SMALL) || rateTooHigh(evidence).length > 0) return [];
  const remedies: Remedy[] = [
    { kind: "learning-rate", factor: 0.5 / at.ofEdge },
    { kind: "warm-up", steps: 100 },
    { kind: "learning-rate", factor: 0.1 / at.ofEdge },
    { kind: "advice", text: "let the learning rate decay" },
  ];
  return [
    {
      id: "sharpness-above-edge",
      severity: at.ofEdge > 2 && course.trend > 0.9 ? "severe" : "warning",
      text: `Steps overshoot where the loss bends most: its sharpness is ${short(at.sharpness)}, and from ${short(at.edge)} on this optimizer's steps grow; the loss jumps by ${Math.round(100 * course.jitter)} %.`,
      evidence: { ...at, jitter: course.jitter, trend: course.trend, loss: course.last },
      remedies,
    },
  ];
}
