/** Rules about gradients and activations: what fades, explodes, dies or saturates on its way through the layers. */
import type { Telemetry } from "../../train/index.ts";
import { between, type Evidence, median, smallBatches, totalNorm, updateRatio } from "../evidence.ts";
import { type Finding, short } from "../finding.ts";

export function gradientRules(evidence: Evidence): Finding[] {
  const { telemetry } = evidence;
  if (telemetry.length === 0) return notFinite(evidence);
  return [
    ...notFinite(evidence),
    ...exploding(evidence),
    ...vanishing(evidence),
    ...dead(evidence),
    ...saturated(telemetry),
    ...untouched(telemetry),
  ];
}

const EXPLODED = 1e3;

/** Stands for a growth that is beyond counting. */
const OVERFLOW = 1e19;

/** How numbers had grown before they ceased to be finite: the largest norm against the first. */
function growth(telemetry: readonly Telemetry[]): number {
  const sizes = telemetry.map(
    (sample) => totalNorm(sample, "gradientNorm") + totalNorm(sample, "weightNorm"),
  );
  const [first] = sizes;
  if (!first || !Number.isFinite(first)) return 1;
  // Norms are sums of squares: they overflow before the numbers do.
  return Math.max(...sizes.map((size) => (Number.isFinite(size) ? size / first : OVERFLOW)));
}

function notFinite({ failure, telemetry, model }: Evidence): Finding[] {
  if (failure === null) return [];
  const [first] = telemetry;
  const atFirst = first === undefined ? Number.NaN : totalNorm(first, "gradientNorm");
  const grown = growth(telemetry);
  const layer = lostIn(telemetry);
  const named =
    failure.operation !== ""
      ? ` ${failure.operation}`
      : layer === null
        ? ""
        : ` ${layer} gave the first of them.`;
  const at = `the loss is no number at step ${failure.step + 1}`;
  if (atFirst > EXPLODED || (failure.step === 0 && model?.recurrent)) {
    return [
      {
        id: "exploding-gradients",
        severity: "severe",
        text: `Gradients explode: their norm is ${short(atFirst)} at the first step, and ${at}.${named}`,
        evidence: { step: failure.step, gradientNorm: atFirst, operation: failure.operation },
        remedies: explodingRemedies(model?.recurrent ?? false),
      },
    ];
  }
  const ratio = median(telemetry.map(updateRatio));
  if (failure.step > 0 && (grown > 5 || ratio > 0.1)) {
    return [
      {
        id: "learning-rate-too-high",
        severity: "severe",
        text: `Training diverges: ${at}, after weights and gradients had grown ${grown >= OVERFLOW ? "beyond all bounds" : `${short(grown)} times`}.${named}`,
        evidence: { step: failure.step, growth: grown, updateRatio: ratio, operation: failure.operation },
        remedies: [
          { kind: "learning-rate", factor: 0.1 },
          { kind: "learning-rate", factor: 0.01 },
          { kind: "clip-gradients", maxNorm: 1 },
        ],
      },
    ];
  }
  return [
    {
      id: "operation-not-finite",
      severity: "severe",
      text: `Numbers are lost in an operation, not by growth: ${at}.${named}`,
      evidence: { step: failure.step, growth: grown, operation: failure.operation },
      remedies: [
        {
          kind: "advice",
          text: "keep the operation's input where it is defined: add a small number, or clamp it",
        },
      ],
    },
  ];
}

/** The first layer that gave what is no number, where a step that did so measured itself. */
function lostIn(telemetry: readonly Telemetry[]): string | null {
  for (const { activations } of telemetry) {
    const lost = activations.find(({ mean }) => !Number.isFinite(mean));
    if (lost !== undefined) return `${lost.kind} ${lost.path}`.trim();
  }
  return null;
}

const explodingRemedies = (recurrent: boolean): Finding["remedies"] => [
  ...(recurrent ? [{ kind: "initialise-recurrent" } as const] : []),
  { kind: "clip-gradients", maxNorm: 1 },
  { kind: "initialise", by: "xavierUniform" },
  { kind: "normalise-layers" },
  { kind: "learning-rate", factor: 0.1 },
];

/** A gradient a thousand times its usual, or far too large from the beginning. */
function exploding({ telemetry, failure, model }: Evidence): Finding[] {
  if (failure !== null) return [];
  const norms = telemetry.map((sample) => totalNorm(sample, "gradientNorm"));
  const [first = 0] = norms;
  const usual = median(norms);
  const largest = Math.max(...norms.filter(Number.isFinite));
  const spikes = largest > 100 * usual && largest > 10;
  if (first <= EXPLODED && !spikes) return [];
  return [
    {
      id: "exploding-gradients",
      severity: "severe",
      text:
        first > EXPLODED
          ? `Gradients explode: their norm is ${short(first)} at the first step.`
          : `Gradients explode at times: their norm jumps to ${short(largest)}, usually ${short(usual)}.`,
      evidence: { first, usual, largest },
      remedies: explodingRemedies(model?.recurrent ?? false),
    },
  ];
}

/** Relative to its weights, a layer that gets less than this of what the most favoured gets does not train with it. */
const VANISHED = 1e-4;

function vanishing({ telemetry: all, model, failure }: Evidence): Finding[] {
  // Numbers that are lost leave nothing of gradients either.
  const telemetry = failure === null ? all : all.slice(0, 1);
  // Nothing comes back through units that are all dead, which says more.
  const blocked = telemetry.every(({ activations }) =>
    activations.some(({ kind, dead }) => rectifiers.has(kind) && dead > 0.99),
  );
  if (blocked) return [];
  const layers = telemetry[0]?.layers ?? [];
  if (layers.length < 3 || (model && model.constant.length > 1)) return [];
  const relative = layers.map((_, i) =>
    median(
      telemetry.map(({ layers }) => {
        const layer = layers[i];
        return layer && layer.weightNorm > 0 ? layer.gradientNorm / layer.weightNorm : Number.NaN;
      }),
    ),
  );
  const known = relative.filter((value) => !Number.isNaN(value));
  const [front, back] = [median(between(known, 0, 1 / 3)), median(between(known, 2 / 3, 1))];
  if (!(back > 0) || front >= VANISHED * back) return [];
  const squashing = telemetry[0]?.activations.find(({ kind }) => kind === "sigmoid" || kind === "tanh")?.kind;
  return [
    {
      id: "vanishing-gradients",
      severity: "severe",
      text: `Gradients vanish on their way back: against its weights the first layers' is ${short(front / back)} of the last layers'.`,
      evidence: { front, back, ratio: front / back, layers: known.length },
      remedies: [
        ...(squashing === undefined ? [] : [{ kind: "activation", from: squashing, to: "relu" } as const]),
        { kind: "initialise", by: "heUniform" },
        { kind: "normalise-layers" },
        { kind: "advice", text: "residual connections, or gated cells where the net is recurrent" },
      ],
    },
  ];
}

const rectifiers: ReadonlySet<string> = new Set(["relu", "relu6"]);

function dead({ telemetry, settings }: Evidence): Finding[] {
  if (smallBatches(settings)) return [];
  const late = between(telemetry, 0.5, 1);
  const layers = (telemetry[0]?.activations ?? []).flatMap(({ path, kind }, i) =>
    rectifiers.has(kind)
      ? [
          {
            path,
            before: telemetry[0]?.activations[i]?.dead ?? 0,
            share: median(late.map(({ activations }) => activations[i]?.dead ?? 0)),
          },
        ]
      : [],
  );
  const worst = layers.reduce((a, b) => (b.share > a.share ? b : a), { path: "", before: 0, share: 0 });
  if (worst.share < 0.6) return [];
  return [
    {
      id: "dead-units",
      // Units that die on the way are killed by something else.
      severity: worst.share > 0.85 && worst.before > 0.5 ? "severe" : "warning",
      text: `${Math.round(100 * worst.share)} % of the units of ${worst.path} are 0 for every row (${Math.round(100 * worst.before)} % at the first step): they give nothing and learn nothing.`,
      evidence: { dead: worst.share, atFirst: worst.before, layer: worst.path },
      remedies:
        worst.before > 0.5
          ? [
              { kind: "initialise", by: "heUniform" },
              { kind: "activation", from: "relu", to: "leakyRelu" },
            ]
          : [
              { kind: "learning-rate", factor: 0.1 },
              { kind: "activation", from: "relu", to: "leakyRelu" },
            ],
    },
  ];
}

function saturated(telemetry: readonly Telemetry[]): Finding[] {
  const late = between(telemetry, 0.5, 1);
  const count = telemetry[0]?.activations.length ?? 0;
  const shares = (telemetry[0]?.activations ?? []).flatMap(({ path, saturated }, i) =>
    saturated === null || i === count - 1
      ? []
      : [{ path, share: median(late.map(({ activations }) => activations[i]?.saturated ?? 0)) }],
  );
  const worst = shares.reduce((a, b) => (b.share > a.share ? b : a), { path: "", share: 0 });
  if (worst.share < 0.7) return [];
  return [
    {
      id: "saturated-units",
      severity: "warning",
      text: `${Math.round(100 * worst.share)} % of what ${worst.path} gives is at its bounds, where it has no slope.`,
      evidence: { saturated: worst.share, layer: worst.path },
      remedies: [
        { kind: "standardise-inputs" },
        { kind: "initialise", by: "xavierUniform" },
        { kind: "learning-rate", factor: 0.1 },
        { kind: "normalise-layers" },
      ],
    },
  ];
}

/** Layers whose gradient is 0 in every step, beside others' that is not. */
function untouched(telemetry: readonly Telemetry[]): Finding[] {
  const layers = telemetry[0]?.layers ?? [];
  const still = layers.filter((_, i) => telemetry.every(({ layers }) => layers[i]?.gradientNorm === 0));
  if (still.length === 0 || still.length === layers.length) return [];
  return [
    {
      id: "no-gradient",
      severity: "warning",
      text: `${still.map(({ path }) => path || "the model itself").join(", ")}: no gradient arrives, in any step.`,
      evidence: { layers: still.length },
      remedies: [{ kind: "advice", text: "look for stopGradient, rounding or dead units behind them" }],
    },
  ];
}
