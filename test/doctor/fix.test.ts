/** --fix: remedies do what they say, help is told from noise, and what hurts is not kept. */
import type { Dataset } from "nabla/data";
import { applyRemedies, compareRemedies, examine, type Finding, fix, type Remedy } from "nabla/doctor";
import { LayerNorm, Linear, RNN, relu, Sequential } from "nabla/nn";
import { adam, adamW } from "nabla/optim";
import { type Experiment, experimentData, experimentModel, Trainer } from "nabla/train";
import { describe, expect, it } from "vitest";
import { faults } from "../../bench/doctor/faults.ts";
import { healthyRuns } from "../../bench/doctor/healthy.ts";
import { compareLosses } from "../../src/doctor/fix/trial.ts";

const of = (
  list: readonly { readonly name: string; readonly experiment: Experiment }[],
  name: string,
): Experiment => {
  const found = list.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found.experiment;
};
const blobs = of(healthyRuns, "blobs");

describe("fix keeps what helps:", () => {
  for (const name of ["softmax-twice", "labels-from-one", "rate-by-1000", "frozen-layers"]) {
    it(name, async () => {
      const experiment = of(faults, name);
      const { findings } = await examine(experiment);
      const { kept } = await fix(experiment, findings, { steps: 150, seeds: 3 });
      expect(kept?.finding).toBe(findings[0]?.id);
      const { helps } = await compareRemedies(experiment, kept?.remedies ?? [], [71, 72, 73], { steps: 150 });
      expect(helps).toBe(true);
    });
  }
});

describe("fix keeps nothing", () => {
  const because = (remedies: readonly Remedy[]): Finding => ({
    id: "underfitting",
    severity: "severe",
    text: "",
    evidence: {},
    remedies,
  });

  it("that hurts a healthy run", async () => {
    const worse = because([
      { kind: "learning-rate", factor: 1e-4 },
      { kind: "weight-decay", value: 3 },
    ]);
    const { kept, attempts } = await fix(blobs, [worse], { steps: 150, seeds: 3 });
    expect(kept).toBeNull();
    expect(attempts.map(({ comparison }) => comparison.hurts)).toEqual([true]);
  });

  it("behind a finding that makes the validation untrustworthy", async () => {
    const experiment = of(faults, "validation-not-prepared");
    const { findings } = await examine(experiment, { steps: 100 });
    expect(findings[0]?.id).toBe("validation-shift");
    expect(await fix(experiment, findings, { steps: 100 })).toEqual({ attempts: [], kept: null });
  });

  it("for what only a person can do", async () => {
    const advice = because([{ kind: "advice", text: "sleep" }]);
    expect(await fix(blobs, [advice])).toEqual({ attempts: [], kept: null });
    expect(() => applyRemedies(blobs, advice.remedies)).toThrow("something a program can do; got: sleep.");
  });
});

describe("losses of seeds", () => {
  it("differ or do not", () => {
    expect(compareLosses([1, 1.1, 0.9, 1], [0.5, 0.52, 0.48, 0.5])).toMatchObject({
      helps: true,
      hurts: false,
    });
    expect(compareLosses([0.5, 0.52, 0.48, 0.5], [1, 1.1, 0.9, 1])).toMatchObject({
      helps: false,
      hurts: true,
    });
    expect(compareLosses([1, 2, 0.5, 1.4], [0.9, 1.9, 0.6, 1.2])).toMatchObject({
      helps: false,
      hurts: false,
    });
    // Clear of the noise and not worth a change.
    expect(compareLosses([1, 1.0001, 1], [0.999, 0.9991, 0.999])).toMatchObject({ helps: false });
    // One run that went astray is no argument against the other side.
    expect(compareLosses([1.2, 3.3, 1.2, 1.8], [0.3, 0.3, 0.29, 0.29])).toMatchObject({ helps: true });
  });

  it("that do not overlap differ, however far they scatter", () => {
    const [wild, tame] = [
      [18000, 1.02, 6e6, 24],
      [0.96, 0.92, 0.95, 0.57],
    ];
    expect(compareLosses(wild, tame)).toMatchObject({ helps: true, hurts: false });
    expect(compareLosses(tame, wild)).toMatchObject({ helps: false, hurts: true });
    expect(compareLosses(wild.slice(1), tame.slice(1))).toMatchObject({ helps: false }); // 3 and 3: one order in ten
    expect(compareLosses([Number.POSITIVE_INFINITY, ...wild.slice(1)], tame)).toMatchObject({ helps: true });
  });

  it("of runs that failed", () => {
    const lost = Number.POSITIVE_INFINITY;
    expect(compareLosses([lost, lost, 3], [1, 1, 1])).toMatchObject({ helps: true, p: null });
    expect(compareLosses([lost, 2, 3], [1, 1, 1])).toMatchObject({ helps: false });
    expect(compareLosses([1, 1, 1], [lost, 1, 1])).toMatchObject({ helps: false, hurts: true });
  });
});

describe("remedies change", () => {
  const modelOf = (remedy: Remedy, model = blobs.model): Sequential =>
    experimentModel(applyRemedies({ ...blobs, model }, [remedy])) as Sequential;
  const layers = (model: Sequential) =>
    model.layers.map((layer) => (typeof layer === "function" ? layer.name : layer.constructor.name));
  const sizes = (model: Sequential) =>
    model.layers.flatMap((layer) => (layer instanceof Linear ? [[layer.inputs, layer.outputs]] : []));

  it("the model", () => {
    expect(layers(modelOf({ kind: "remove-layer", path: "layers/1" }))).toEqual(["Linear", "Linear"]);
    expect(layers(modelOf({ kind: "normalise-layers" }))).toEqual(["Linear", "LayerNorm", "relu", "Linear"]);
    expect(layers(modelOf({ kind: "dropout", rate: 0.5 }))).toEqual(["Linear", "relu", "Dropout", "Linear"]);
    expect(layers(modelOf({ kind: "activation", from: "relu", to: "tanh" }))).toEqual([
      "Linear",
      "tanh",
      "Linear",
    ]);
    expect(sizes(modelOf({ kind: "widen", factor: 4 }))).toEqual([
      [8, 128],
      [128, 4],
    ]);
    expect(sizes(modelOf({ kind: "output-width", outputs: 9 }))).toEqual([
      [8, 32],
      [32, 9],
    ]);
  });

  it("initial values", async () => {
    const wide = () =>
      new Sequential(
        new Linear(400, 300, {
          weightInit: () => {
            throw new Error("not asked");
          },
        }),
        relu,
        new Linear(300, 4),
      );
    const model = modelOf({ kind: "initialise", by: "heUniform" }, wide).init(1);
    const weight = Array.from(await (model.layers[0] as Linear).weight.value.data());
    const square = weight.reduce((sum, value) => sum + value * value, 0) / weight.length;
    expect(square * 400).toBeCloseTo(2, 1);
    const recurrent = modelOf(
      { kind: "initialise-recurrent" },
      () => new Sequential(new RNN(2, 8), new Linear(8, 2)),
    );
    const path = Object.keys(recurrent.init(0).parameters()).find((one) =>
      one.endsWith("hiddenWeight"),
    ) as string;
    const square2 = recurrent.parameters()[path];
    const product = await square2?.transpose().matmul(square2).data();
    const off = Array.from(product ?? [1], (value, i) => Math.abs(value - (i % 9 === 0 ? 1 : 0)));
    expect(Math.max(...off)).toBeLessThan(1e-4);
  });

  it("the data, by what the training part says", async () => {
    const data = await experimentData(applyRemedies(blobs, [{ kind: "standardise-inputs" }]));
    const { x } = data.train as Dataset;
    const column = Array.from(x.data).filter((_, i) => i % 8 === 3);
    const mean = column.reduce((sum, value) => sum + value, 0) / column.length;
    expect(mean).toBeCloseTo(0, 4);
    expect(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / column.length).toBeCloseTo(1, 4);
    const shifted = await experimentData(applyRemedies(blobs, [{ kind: "shift-labels", by: -2 }]));
    const before = (await experimentData(blobs)).validation;
    expect(shifted.validation?.y.data[0]).toBe((before?.y.data[0] ?? 0) + 2);
    const holes = await experimentData(
      applyRemedies(of(faults, "nan-in-the-data"), [{ kind: "drop-rows-not-finite" }]),
    );
    expect((holes.train as Dataset).length).toBe(1583);
  });

  it("the optimizer's steps", async () => {
    const moved = async (remedies: readonly Remedy[], optimizer = blobs.optimizer) => {
      const experiment = applyRemedies({ ...blobs, optimizer }, remedies);
      const norms: number[] = [];
      const trainer = new Trainer({
        model: experimentModel(experiment),
        loss: experiment.loss,
        optimizer: experiment.optimizer,
        telemetry: { every: 1 },
        callbacks: [{ telemetry: ({ telemetry }) => void norms.push(telemetry.layers[0]?.updateNorm ?? 0) }],
      });
      await trainer.fit((await experimentData(blobs)).train as Dataset, { epochs: 1, batchSize: 400 });
      return norms;
    };
    const [plain = 0, second = 0] = await moved([]);
    const [slow = 0] = await moved([{ kind: "learning-rate", factor: 0.25 }]);
    expect(slow / plain).toBeCloseTo(0.25, 4);
    const [both = 0] = await moved([
      { kind: "learning-rate", factor: 0.25 },
      { kind: "learning-rate", factor: 2 },
    ]);
    expect(both / plain).toBeCloseTo(0.5, 4);
    const warm = await moved([{ kind: "warm-up", steps: 4 }]);
    expect((warm[0] ?? 0) / plain).toBeCloseTo(1 / 4, 4);
    expect((warm[1] ?? 0) / second).toBeGreaterThan(0.4);
    const decayed = adamW(3e-3, { weightDecay: 5 });
    const free = await moved([{ kind: "no-weight-decay" }], decayed);
    expect(free).toEqual(await moved([], adam(3e-3)));
    expect(() => applyRemedies(blobs, [{ kind: "shuffle" }])).not.toThrow();
    expect(applyRemedies(blobs, [{ kind: "batch-size", factor: 4 }]).batchSize).toBe(128);
  });

  it("nothing where there is nothing of the kind", () => {
    expect(() => modelOf({ kind: "initialise-recurrent" })).toThrow("must have recurrent cells");
    expect(() => modelOf({ kind: "activation", from: "sigmoid", to: "relu" })).toThrow(
      "must have sigmoid as a layer",
    );
    expect(() =>
      modelOf(
        { kind: "widen", factor: 2 },
        () => new Sequential(new Linear(8, 8), new LayerNorm(8), new Linear(8, 4)),
      ),
    ).toThrow("to be widened");
    expect(() =>
      applyRemedies({ ...blobs, model: new Sequential(new Linear(8, 4)) }, [{ kind: "unfreeze" }]),
    ).toThrow("model must be a function");
  });
});
