/** learningRateMonitor: exact steps, the values that were used, and a history that a resumed run goes on with. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adam, linear, multiStep, sgd } from "nabla/optim";
import { checkpoint, learningRateMonitor, reduceOnPlateau } from "nabla/train";
import { afterAll, expect, it } from "vitest";
import { make, rows, stopAt } from "../trainer-parts.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-monitor-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const options = { epochs: 4, batchSize: 10 };
const scheduled = () => sgd(linear({ from: 0.1, to: 0, steps: 40 }), { momentum: 0.9 });

it("records the values of the last step at exact steps", async () => {
  const monitor = learningRateMonitor({ every: { steps: 7 } });
  await make({ optimizer: scheduled(), callbacks: [monitor] }).fit(rows(100), options);
  expect(monitor.history.map(({ step, epoch }) => [step, epoch])).toEqual([
    [7, 1],
    [14, 2],
    [21, 3],
    [28, 3],
    [35, 4],
  ]);
  for (const { step, values } of monitor.history) {
    expect(values.learningRate).toBeCloseTo(0.1 * (1 - (step - 1) / 40), 6);
    expect(values.momentum).toBe(0.9);
  }
});

it("records by epoch what a callback has set, and a batch size that grows", async () => {
  const monitor = learningRateMonitor();
  const plateau = reduceOnPlateau({ monitor: "train.loss", mode: "max", patience: 0, factor: 0.5 });
  await make({ optimizer: adam(0.01), callbacks: [monitor, plateau] }).fit(rows(100), options);
  const rates = monitor.history.map(({ values }) => values.learningRate as number);
  expect(rates).toHaveLength(4);
  expect(rates[0]).toBe(0.01);
  expect(new Set(rates).size).toBeGreaterThan(1);

  const grown = learningRateMonitor();
  const batchSize = { byEpoch: multiStep({ initial: 10, factor: 4, milestones: [2] }) };
  await make({ optimizer: adam(0.01), callbacks: [grown] }).fit(rows(100), {
    epochs: 3,
    batchSize,
  });
  expect(grown.history.map(({ values }) => values.learningRate)).toEqual([0.01, 0.01, 0.02]);
});

it("goes on with its history in a resumed run", async () => {
  const parts = () => {
    const monitor = learningRateMonitor({ every: { steps: 3 } });
    return { monitor, callbacks: [monitor, checkpoint(join(dir, "run"))] };
  };
  const whole = parts();
  await make({ optimizer: scheduled(), callbacks: whole.callbacks }).fit(rows(100), options);
  await make({ optimizer: scheduled(), callbacks: [stopAt(17), ...parts().callbacks] }).fit(
    rows(100),
    options,
  );
  const rest = parts();
  const trainer = make({ optimizer: scheduled(), callbacks: rest.callbacks });
  await trainer.resume(join(dir, "run"));
  await trainer.fit(rows(100), options);
  expect(rest.monitor.history).toEqual(whole.monitor.history);
  expect(rest.monitor.history).toHaveLength(13);
});

it("refuses what it does not know", () => {
  expect(() => learningRateMonitor({ evry: 1 } as never)).toThrow('Did you mean "every"?');
});
