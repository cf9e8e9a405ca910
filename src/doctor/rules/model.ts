/** Rules about model and loss as they begin. */
import type { Evidence } from "../evidence.ts";
import { type Finding, short } from "../finding.ts";

const listed = (paths: readonly string[]): string =>
  paths.length > 3 ? `${paths.slice(0, 3).join(", ")} and ${paths.length - 3} more` : paths.join(", ");

export function modelRules(evidence: Evidence): Finding[] {
  const { model } = evidence;
  if (model === null) return [];
  return [
    ...headRules(evidence),
    ...labelRules(evidence),
    ...initialisationRules(evidence),
    ...(model.unused.length === 0
      ? []
      : [
          {
            id: "unused-parameters",
            severity: "warning",
            text: `The loss does not depend on ${listed(model.unused)}: ${model.unused.length === 1 ? "it is" : "they are"} never trained.`,
            evidence: { parameters: model.unused.length },
            remedies: [{ kind: "advice", text: "use the branch in forward, or take it out" }],
          } as const,
        ]),
    ...(model.frozen.length === 0
      ? []
      : [
          {
            id: "frozen-at-random",
            severity: "severe",
            text: `${listed(model.frozen)} ${model.frozen.length === 1 ? "is" : "are"} frozen at random initial values: nothing was loaded into ${model.frozen.length === 1 ? "it" : "them"}.`,
            evidence: { parameters: model.frozen.length },
            remedies: [{ kind: "unfreeze" }, { kind: "advice", text: "load what they should hold" }],
          } as const,
        ]),
  ];
}

/** What functions can give. */
const ranges: Readonly<Record<string, readonly [number, number]>> = {
  sigmoid: [0, 1],
  softmax: [0, 1],
  tanh: [-1, 1],
  relu: [0, Infinity],
  softplus: [0, Infinity],
};

function headRules({ model, data }: Evidence): Finding[] {
  if (model === null) return [];
  const [squashed] = model.squashed;
  if (squashed !== undefined) {
    const { loss, function: name, layer } = squashed;
    const path = layer === null ? null : (layer.split(" ").at(-1) ?? null);
    return [
      {
        id: "probabilities-into-loss",
        severity: "severe",
        text: `${loss} is given what comes out of ${name}${layer === null ? "" : ` (${layer})`}, and squashes it again: gradients fade and no row can be certain.`,
        evidence: { loss, function: name },
        remedies: [
          path === null
            ? { kind: "advice", text: `leave ${name} out of the model` }
            : { kind: "remove-layer", path },
        ],
      },
    ];
  }
  const range = model.last === null ? undefined : ranges[model.last.kind];
  if (model.last === null || range === undefined || data === null) return [];
  const { path, kind } = model.last;
  const labels = model.classes !== null;
  const { least, most } = data.targets;
  const [low, high] = range;
  const outside = labels ? kind === "relu" : least < low - 1e-6 || most > high + 1e-6;
  if (!outside) return [];
  return [
    {
      id: "targets-out-of-range",
      severity: "severe",
      text: labels
        ? `The logits come out of ${kind} (${path}), which cuts off what speaks against a class.`
        : `Targets go from ${short(least)} to ${short(most)}, and the model ends in ${kind} (${path}), which gives ${low} to ${high}.`,
      evidence: { least, most, low, high },
      remedies: [{ kind: "remove-layer", path }],
    },
  ];
}

function labelRules({ model, data }: Evidence): Finding[] {
  const counts = data?.targets.counts;
  if (model === null || data === null || !counts || model.classes === null) return [];
  const { classes } = model;
  const { least, most } = data.targets;
  if (classes > 1 && model.labelError !== null) {
    const off = least >= 1 && most === classes + least - 1;
    return [
      {
        id: "labels-out-of-range",
        severity: "severe",
        text: off
          ? `Labels go from ${least} to ${most}, and the model's ${classes} outputs are classes 0 to ${classes - 1}: the labels are off by ${least}.`
          : `Labels go from ${least} to ${most}, and the model has ${classes} outputs.`,
        evidence: { least, most, outputs: classes },
        remedies: [off ? { kind: "shift-labels", by: least } : { kind: "output-width", outputs: most + 1 }],
      },
    ];
  }
  if (classes === 1) {
    return [
      {
        id: "output-width",
        severity: "severe",
        text: "The loss chooses among classes and the model has one output: its loss is 0 whatever it says.",
        evidence: { outputs: 1, classes: most + 1 },
        remedies: [{ kind: "output-width", outputs: Math.max(2, most + 1) }],
      },
    ];
  }
  if (classes > 2 * (most + 1) && most < 1000) {
    return [
      {
        id: "output-width",
        severity: "warning",
        text: `The model has ${classes} outputs for labels 0 to ${most}: the others only have to learn that they never come.`,
        evidence: { outputs: classes, classes: most + 1 },
        remedies: [{ kind: "output-width", outputs: most + 1 }],
      },
    ];
  }
  if (least === 1 && most === classes - 1 && counts.size === classes - 1) {
    return [
      {
        id: "labels-unused",
        severity: "warning",
        text: `Label 0 never comes, all others to ${most} do: the labels seem to begin at 1.`,
        evidence: { least, most, outputs: classes },
        remedies: [{ kind: "shift-labels", by: 1 }],
      },
    ];
  }
  return [];
}

const LARGEST_GAIN = 6;
const SMALLEST_GAIN = 0.1;

function initialisationRules({ model }: Evidence): Finding[] {
  if (model === null) return [];
  const found: Finding[] = [];
  // A last layer of zeros is a choice: the others' gradients come with its first step.
  if (model.constant.length > 1) {
    found.push({
      id: "constant-initialisation",
      severity: "severe",
      text: `${listed(model.constant)} start with one number everywhere: their units stay copies of each other, or get no gradient at all.`,
      evidence: { matrices: model.constant.length },
      remedies: [{ kind: "initialise", by: "heUniform" }],
    });
  }
  const strange = model.gains.filter(
    ({ gain }) => gain > LARGEST_GAIN || (gain > 0 && gain < SMALLEST_GAIN && !model.hasNorms),
  );
  // One small layer may be meant (a cautious head).
  const large = strange.filter(({ gain }) => gain > LARGEST_GAIN);
  const wrong = large.length > 0 ? large : strange;
  const [first] = wrong;
  if (first !== undefined && (large.length > 0 || wrong.length > 1)) {
    found.push({
      id: "initialisation-scale",
      severity: "severe",
      text: `The initial weights of ${listed(wrong.map(({ path }) => path))} are ${large.length > 0 ? "large" : "small"}: they make a signal ${short(first.gain)} times as large at each layer, where about 1 keeps it.`,
      evidence: { gain: first.gain, layers: wrong.length },
      remedies: [{ kind: "initialise", by: "heUniform" }],
    });
  }
  return found;
}
