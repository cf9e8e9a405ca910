/** Findings: what is wrong with a run, why that is believed, and what could be done about it. */
import type { Remedy } from "./remedy.ts";

/** info: worth knowing; warning: likely costs something; severe: the run cannot come to what it should. */
export type Severity = (typeof severities)[number];

const severities = ["info", "warning", "severe"] as const;

export const isSeverity = (value: unknown): value is Severity => severities.some((one) => one === value);

/**
 * What can be found. Causes come before what follows from them: of equal severity, the earlier one is named first.
 */
export const findingIds = [
  "data-not-finite",
  "labels-out-of-range",
  "labels-unused",
  "output-width",
  "probabilities-into-loss",
  "targets-out-of-range",
  "leaking-column",
  "validation-leak",
  "sorted-not-shuffled",
  "inputs-not-scaled",
  "targets-not-scaled",
  "validation-shift",
  "unused-parameters",
  "frozen-at-random",
  "constant-initialisation",
  "initialisation-scale",
  "operation-not-finite",
  "exploding-gradients",
  "vanishing-gradients",
  "dead-units",
  "decay-too-strong",
  "noisy-gradients",
  "learning-rate-too-high",
  "learning-rate-too-low",
  "sharpness-above-edge",
  "saturated-units",
  "no-gradient",
  "overfitting",
  "underfitting",
  "constant-output",
  "constant-columns",
  "duplicate-columns",
  "unbalanced-classes",
  "waits-for-data",
  "small-steps",
  "compute-bound",
  "memory-bound",
] as const;

export type FindingId = (typeof findingIds)[number];

export interface Finding {
  readonly id: FindingId;
  readonly severity: Severity;
  /** In a sentence. */
  readonly text: string;
  /** The numbers it is drawn from. */
  readonly evidence: Readonly<Record<string, number | string>>;
  /** The likeliest to help first. */
  readonly remedies: readonly Remedy[];
}

const weight: Readonly<Record<Severity, number>> = { severe: 0, warning: 1, info: 2 };

/** The gravest first, then causes before consequences; of findings with one id the gravest alone. */
export function ranked(findings: readonly Finding[]): Finding[] {
  const order = [...findings].sort(
    (a, b) => weight[a.severity] - weight[b.severity] || findingIds.indexOf(a.id) - findingIds.indexOf(b.id),
  );
  return order.filter((finding, at) => order.findIndex(({ id }) => id === finding.id) === at);
}

/** Three digits. */
export const short = (value: number): string => String(Number(value.toPrecision(3)));
