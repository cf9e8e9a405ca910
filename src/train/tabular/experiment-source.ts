/** The experiment file of decisions: TypeScript that a reader can change, and that `nabla train` runs to the same numbers. */
import type { Decisions } from "./decide.ts";

/** `path` is the table's as the file names it; `name` the experiment's. */
export function experimentSource(decided: Decisions, path: string, name: string): string {
  const { target, task, columns, inputs, hidden, outputs, seed, epochs, batchSize, learningRate, steps } =
    decided;
  const text = JSON.stringify;
  const isNumber = task === "regression";
  const calls = columns.recipes.flatMap(({ transforms }) => transforms.map(({ code }) => code));
  const used = [...new Set(calls.map((code) => code.slice(0, code.indexOf("("))))];
  const imports = [
    ...used,
    "on",
    "readTable",
    "tabularData",
    "trainValidationTestSplit",
    "withTarget",
  ].sort();
  const lines = columns.recipes.map(
    ({ columns: names, transforms, why }) =>
      `        on(${text(names)}, ${transforms.map(({ code }) => code).join(", ")}), // ${why}`,
  );
  return `/** Predicts ${text(target).replaceAll("*/", "*\\/")}. Written by nabla train, and yours to change. */
import { ${imports.join(", ")} } from "nabla/data";
import { ${isNumber ? "Linear, mse, relu" : "crossEntropy, Linear, relu"}, Sequential } from "nabla/nn";
import { adamW, warmupCosine } from "nabla/optim";
import { defineExperiment, earlyStopping } from "nabla/train";

export default defineExperiment({
  name: ${text(name)},
  async data() {
    const { table } = await readTable(new URL(${text(path)}, import.meta.url));
    const parts = trainValidationTestSplit(withTarget(table, ${text(target)}), { seed: ${seed}, stratify: ${text(target)} });
    return tabularData(parts, {
      target: ${text(target)},
      task: ${isNumber ? '"regression"' : '"classification"'},
      steps: [
${lines.join("\n")}
      ],
    });
  },
  model: () =>
    new Sequential(
      new Linear(${inputs}, ${hidden}),
      relu,
      new Linear(${hidden}, ${hidden}),
      relu,
      new Linear(${hidden}, ${outputs}), // ${isNumber ? "in deviations from the mean" : "logits: the loss applies the softmax"}
    ),
  loss: ${isNumber ? "mse" : "crossEntropy"},
  optimizer: adamW(${schedule(learningRate, steps)}, { weightDecay: ${weightDecay} }),
  metrics: [${isNumber ? '"r2"' : '"accuracy"'}],
  callbacks: [earlyStopping({ patience: ${patience} })],
  epochs: ${epochs},
  batchSize: ${batchSize},
  seed: ${seed},
});
`;
}

export const weightDecay = 0.01;
export const patience = 20;

/** Warms up over a twentieth of the steps. */
export const warmupOf = (steps: number): number => Math.floor(steps / 20);

const schedule = (peak: number, steps: number): string =>
  `warmupCosine({ peak: ${peak}, warmup: ${warmupOf(steps)}, total: ${steps} })`;
