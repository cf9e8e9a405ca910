/** nanGuard: a run whose numbers stop being finite goes back, with a lower rate, or ends at the last good state. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Tensor, tensor, where } from "nabla";
import { Dataset, loader } from "nabla/data";
import { Linear, mse } from "nabla/nn";
import { exponentialDecay, type Hyper, type Optimizer, sgd } from "nabla/optim";
import {
  type Callback,
  checkpoint,
  type EpochRecord,
  type Events,
  earlyStopping,
  history,
  type Loss,
  type NanGuardOptions,
  nanGuard,
  stepBudget,
  Trainer,
  track,
} from "nabla/train";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { Chunks } from "../../../src/train/chunks.ts";
import { mapTree } from "../../../src/util/index.ts";
import { exact, stateOf, stopAt, values } from "../trainer-parts.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-guard-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** 64 rows of a straight line; steps of 8. */
const data = new Dataset(
  { dtype: "f32", data: Float32Array.from({ length: 128 }, (_, i) => Math.sin(i * 1.3)), shape: [64, 2] },
  { dtype: "f32", data: Float32Array.from({ length: 64 }, (_, i) => Math.cos(i * 2.1)), shape: [64, 1] },
);
const fitting = { epochs: 16, batchSize: 8, validation: data.head(16) };

/** Too high: parameters grow step by step, and after some epochs are no numbers. */
const high = 3;

function regression(
  callbacks: readonly Callback[],
  rate: Hyper | Optimizer = high,
  loss: Loss = mse,
): Trainer {
  const optimizer = typeof rate === "object" ? rate : sgd(rate);
  return new Trainer({ model: new Linear(2, 1), loss, optimizer, callbacks, seed: 3 });
}

/** Notes where it was gone back to, and why. */
function rollbacks(): Callback & { readonly heard: Events["rollback"][] } {
  const heard: Events["rollback"][] = [];
  return { heard, rollback: (event) => void heard.push({ ...event, history: [...event.history] }) };
}

/** A loss that is NaN at this step, whatever the parameters. */
const nanAt = (bad: number): Loss => ({
  at:
    ({ step }) =>
    (outputs, targets) =>
      where(step.eq(bad), outputs.square().mean().neg().sub(1).log(), mse(outputs, targets)),
});

describe("rollback", () => {
  it.each([
    ["a number", high],
    ["a schedule", exponentialDecay({ initial: high, rate: 0.999 })],
  ] as const)("lowers a rate that is %s until the run goes through", async (_, rate) => {
    await expect(regression([], rate).fit(data, fitting)).rejects.toThrow("the loss must stay finite");
    const [noted, list] = [rollbacks(), [] as EpochRecord[]];
    const guard = nanGuard({ lowerLearningRateBy: 0.1 });
    const trainer = regression([guard, noted, history(list)], rate);
    const result = await trainer.fit(data, fitting);
    expect(result.reason).toBeNull();
    expect(noted.heard.length).toBeGreaterThan(0);
    expect(noted.heard[0]?.reason).toMatch(
      /^the loss is not finite at step \d+; learning rate x 0.1000 from here \(1 of 3\)$/,
    );
    const { from, position } = noted.heard[0] as Events["rollback"];
    expect([position.batch, position.row, position.step]).toEqual([0, 0, 8 * position.epoch]);
    expect(from.step).toBeGreaterThan(position.step);
    expect(result.history).toHaveLength(16);
    expect(list).toEqual(result.history);
    expect(result.history.every(({ train }) => Number.isFinite(train.loss))).toBe(true);
    expect(result.history.at(-1)?.train.loss).toBeLessThan(
      Math.max(...result.history.map(({ train }) => train.loss)) / 1e6,
    );
  });

  it.skipIf(!exact)("is the same for stretches of any length, from memory and from a loader", async () => {
    const guard = () => nanGuard({ lowerLearningRateBy: 0.1, every: { steps: 5 } });
    const whole = regression([guard()]);
    await whole.fit(data, fitting);
    vi.spyOn(Chunks.prototype, "next").mockReturnValue(1);
    const single = regression([guard()]);
    await single.fit(data, fitting);
    expect(single.history).toEqual(whole.history);
    expect(await values(single)).toEqual(await values(whole));
    const { validation, ...rest } = fitting;
    const fed = regression([guard()]);
    await fed.fit(loader(data, { batchSize: 8, shuffle: true, seed: 3 }), {
      epochs: rest.epochs,
      validation,
    });
    expect(await values(fed)).toEqual(await values(whole));
  });

  it.skipIf(!exact)("is the same after a resume from any step, before and after going back", async () => {
    const parts = (folder: string): Callback[] => [
      nanGuard({ lowerLearningRateBy: 0.1, every: { steps: 7 } }),
      earlyStopping({ patience: 9 }),
      checkpoint(folder),
    ];
    const noted = rollbacks();
    const whole = regression([...parts(join(dir, "whole")), noted]);
    const wanted = await whole.fit(data, fitting);
    expect(noted.heard.length).toBeGreaterThan(0);
    const { from, position } = noted.heard[0] as Events["rollback"];
    const steps = [1, position.step - 1, position.step, position.step + 1, position.step + 7, from.step + 9];
    for (const step of steps) {
      const folder = join(dir, `part-${step}`);
      const first = regression([stopAt(step), ...parts(folder)]);
      expect((await first.fit(data, fitting)).reason).toBe("interrupted");
      const rest = regression(parts(folder));
      await rest.resume(folder);
      expect(rest.position.step).toBe(step);
      const result = await rest.fit(data, fitting);
      expect([result.reason, result.record]).toEqual([wanted.reason, wanted.record]);
      expect(rest.history).toEqual(whole.history);
      expect(await values(rest)).toEqual(await values(whole));
      expect(stateOf(folder)).toEqual(stateOf(join(dir, "whole")));
    }
  });

  it.skipIf(!exact)("gives callbacks back the values they had kept, of before a resume too", async () => {
    // The larger the loss the better: each epoch is the best, and a later one than the copy's.
    const parts = (): Callback[] => [
      nanGuard({ lowerLearningRateBy: 0.1, every: 2 }),
      earlyStopping({ patience: 9, mode: "max" }),
    ];
    const noted = rollbacks();
    const whole = regression([...parts(), noted]);
    const wanted = await whole.fit(data, fitting);
    expect(noted.heard.map(({ from, position }) => [from.epoch, position.epoch])).toEqual([[3, 2]]);
    expect(wanted.reason).toMatch(/has not improved/);
    const folder = join(dir, "kept");
    await regression([stopAt(27), ...parts(), checkpoint(folder)]).fit(data, fitting);
    const rest = regression([...parts(), checkpoint(folder)]);
    await rest.resume(folder);
    const result = await rest.fit(data, fitting);
    expect([result.reason, result.record]).toEqual([wanted.reason, wanted.record]);
    expect(await values(rest)).toEqual(await values(whole));
  });

  it("is refused where a checkpoint's copy is not whole", async () => {
    const folder = join(dir, "tampered");
    await regression([stopAt(5), nanGuard(), checkpoint(folder)]).fit(data, fitting);
    const path = join(folder, "manifest.json");
    // Without its digest, as manifests were once: what is changed in it has to be found out otherwise.
    const text = readFileSync(path, "utf8").replace(/,\s*"check": "\w+"/, "");
    const resume = (manifest: string): Promise<void> => {
      writeFileSync(path, manifest);
      return regression([nanGuard()]).resume(folder);
    };
    const guarded = /"savepoints": \{\s*"nanGuard"/;
    expect(text).toMatch(guarded);
    await expect(resume(text.replace('"epochs": 0', '"epochs": 7'))).rejects.toThrow(
      "the savepoint of nanGuard must be of the run's past; it has 7 epochs, the run 0.",
    );
    await expect(resume(text.replace(guarded, '"savepoints": { "other"'))).rejects.toThrow(/holds no /);
    await expect(resume(text.replace('"epochs": 0', '"epochs": "0"'))).rejects.toThrow(
      "savepoints/nanGuard/epochs is not right",
    );
    await resume(text);
  });

  it("saves its copy only between copies, and none where the next one is due", async () => {
    const saved = async (callbacks: Callback[], folder: string) => {
      const trainer = regression([...callbacks, checkpoint(folder)], 0.01);
      await trainer.fit(data, fitting);
      return stateOf(folder).length;
    };
    const plain = await saved([stepBudget(16)], join(dir, "plain"));
    expect(await saved([nanGuard(), stepBudget(16)], join(dir, "between"))).toBe(plain);
    expect(await saved([nanGuard(), stepBudget(17)], join(dir, "within"))).toBeGreaterThan(1.5 * plain);
  });

  it("ends after maxRollbacks at the last good state, and says so", async () => {
    const noted = rollbacks();
    const trainer = regression([nanGuard({ maxRollbacks: 2 }), noted], 0.01, nanAt(13));
    const { reason, record } = await trainer.fit(data, fitting);
    expect(reason).toBe(
      "the loss is not finite at step 14, after 2 returns with a lower learning rate; the last good state is kept",
    );
    expect(noted.heard.map(({ position }) => position.step)).toEqual([8, 8, 8]);
    expect(trainer.position).toEqual({ epoch: 1, batch: 0, row: 0, step: 8 });
    expect(record?.epoch).toBe(1);
  });

  it("goes back for parameters that no loss has seen", async () => {
    // The epoch's only step has a finite loss, and an update that is none.
    const inner = sgd(0.01);
    const broken: Optimizer = {
      ...inner,
      update(grads, state, params, at) {
        const [updates, next] = inner.update(grads, state, params, at);
        return [mapTree<typeof updates>(updates, (leaf) => (leaf as Tensor).mul(Number.NaN)), next];
      },
    };
    const noted = rollbacks();
    const trainer = regression([nanGuard({ action: "stop" }), noted], broken);
    const { reason } = await trainer.fit(data, { ...fitting, batchSize: 64 });
    expect(reason).toBe("params/bias is not finite after step 1; the last good state is kept");
    expect(trainer.position.step).toBe(0);
    expect(trainer.history).toEqual([]);
  });
});

describe("stop", () => {
  it("ends at the state it would go back to, which is what is saved", async () => {
    const folder = join(dir, "stop");
    const trainer = regression([nanGuard({ action: "stop" }), checkpoint(folder)], 0.01, nanAt(21));
    const { reason, record } = await trainer.fit(data, fitting);
    expect(reason).toBe("the loss is not finite at step 22; the last good state is kept");
    const wanted = regression([stepBudget(16)], 0.01);
    await wanted.fit(data, fitting);
    expect(trainer.position).toEqual(wanted.position);
    expect([...trainer.history]).toEqual(wanted.history);
    expect(record).toEqual(wanted.history.at(-1));
    if (exact) expect(await values(trainer)).toEqual(await values(wanted));
    const again = regression([], 0.01);
    await again.resume(folder);
    expect(again.position.step).toBe(16);
  });

  it("goes by the loss of an epoch too, which may be none where those of its steps are", async () => {
    const huge: Loss = {
      at:
        ({ step }) =>
        (outputs, targets) =>
          where(step.sub(11).abs().le(1), 3e38, mse(outputs, targets)),
    };
    for (const [every, step] of [
      [1, 8],
      [{ steps: 8 }, 8],
      [{ steps: 5 }, 10],
    ] as const) {
      const trainer = regression([nanGuard({ action: "stop", every })], 0.01, huge);
      const { reason } = await trainer.fit(data, fitting);
      expect(reason).toBe("the loss of epoch 2 is not finite; the last good state is kept");
      expect(trainer.position.step).toBe(step);
    }
  });

  it("says which operation it was in debug mode", async () => {
    const trainer = new Trainer({
      model: new Linear(2, 1),
      loss: nanAt(9),
      optimizer: sgd(0.01),
      callbacks: [nanGuard({ action: "stop" })],
      debug: true,
    });
    const { reason } = await trainer.fit(data, fitting);
    expect(reason).toMatch(
      /^the loss is not finite at step 10 \(The first NaN is of log: .*\); the last good/,
    );
  });
});

it("goes through a run's folder: what came to nothing leaves no lines, and no file says NaN", async () => {
  const folder = join(dir, "tracked");
  const noted = rollbacks();
  const trainer = regression([
    nanGuard({ lowerLearningRateBy: 0.1, every: 2 }),
    noted,
    track(folder, { every: 1 }),
  ]);
  await trainer.fit(data, fitting);
  expect(noted.heard.length).toBeGreaterThan(0);
  const lines = (name: string) =>
    readFileSync(join(folder, name), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  expect(lines("history.jsonl")).toEqual(trainer.history);
  const steps = lines("steps.jsonl");
  const at = steps.map(({ step }) => step);
  expect(at).toEqual([...new Set(at)].sort((a, b) => a - b));
  expect(at.at(-1)).toBe(16 * 8);
  // Rates as they were used.
  expect(steps.at(0).hyperparameters.learningRate).toBe(3);
  expect(steps.at(-1).hyperparameters.learningRate).toBeCloseTo(3 * 0.1 ** noted.heard.length, 6);
});

it.each<[NanGuardOptions, string]>([
  [{ action: "back" as "stop" }, 'nanGuard: action must be "rollback" or "stop"; got "back".'],
  [{ lowerLearningRateBy: 2 }, "nanGuard: lowerLearningRateBy must be above 0 and at most 1; got 2."],
  [{ maxRollbacks: 0 }, "nanGuard: maxRollbacks must be a whole number of at least 1; got 0."],
  [{ every: 0 }, "nanGuard: every must be a whole number of at least 1; got 0."],
  [{ every: { steps: 1.5 } }, "nanGuard: every.steps must be a whole number of at least 1; got 1.5."],
  [{ every: {} as { steps: number } }, "nanGuard: every must be one of { epochs } and { steps }."],
  [{ maxRolbacks: 1 } as NanGuardOptions, 'Did you mean "maxRollbacks"?'],
])("refuses %o", (options, text) => {
  expect(() => nanGuard(options)).toThrow(text);
});

it("wants a state that is finite and a rate to lower", async () => {
  const spoilt = regression([nanGuard()], 0.01);
  spoilt.model.init(0);
  spoilt.model.load({ ...spoilt.model.parameters(), bias: tensor([Number.NaN]) });
  await expect(spoilt.fit(data, fitting)).rejects.toThrow(
    "nanGuard: the state that training starts from must be finite; params/bias is not.",
  );
  const rateless: Optimizer = { ...sgd(0.1), init: () => ({}), update: (grads, state) => [grads, state] };
  await expect(regression([nanGuard()], rateless).fit(data, fitting)).rejects.toThrow(
    'nanGuard: the optimizer must have a learningRate to lower; it has no hyper-parameters. Give action: "stop".',
  );
});
