/** The worked examples run, and reach what they are there to show. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { arange, tensor, zeros } from "nabla";
import type { Dataset } from "nabla/data";
import { context, type Module } from "nabla/nn";
import { adam, adamW, type Optimizer, sgd } from "nabla/optim";
import { type Experiment, experimentData, experimentModel, inMemory, Trainer } from "nabla/train";
import { describe, expect, it, vi } from "vitest";
import fashion from "../../examples/fashion-mnist.ts";
import gpt from "../../examples/gpt.ts";
import lenet from "../../examples/lenet.ts";
import lstm from "../../examples/lstm.ts";
import resnet20 from "../../examples/resnet20.ts";
import vae, { draw, klToNormal, negativeElbo, Vae } from "../../examples/vae.ts";
import { ended, Workspace } from "./run.ts";

const path = (name: string) => fileURLToPath(new URL(`../../examples/${name}.ts`, import.meta.url));

async function run(name: string): Promise<string[]> {
  const { code, stdout } = await ended(
    spawn(process.execPath, ["--import", import.meta.resolve("tsx"), path(name)]),
  );
  expect(code).toBe(0);
  return stdout.trimEnd().split("\n");
}

const numbers = (line: string | undefined): number[] => (line?.match(/-?\d+(\.\d+)?/g) ?? []).map(Number);

/** An experiment's model trained on the first images, and how it does on the first test images. */
async function trained(experiment: Experiment, optimizer: Optimizer, rows: number, epochs: number) {
  const { train, test } = await experimentData(experiment);
  const trainer = new Trainer({
    model: experimentModel(experiment),
    loss: experiment.loss,
    optimizer,
    metrics: ["accuracy"],
    seed: 0,
  });
  const { history } = await trainer.fit(inMemory("test", train).head(rows), { epochs, batchSize: 32 });
  const scores = await trainer.evaluate((test as Dataset).head(500));
  return { losses: history.map((epoch) => epoch.train.loss), accuracy: scores.accuracy as number };
}

describe("examples", () => {
  it("lenet learns from the first images", async () => {
    const { accuracy } = await trained(lenet, adam(2e-3), 4000, 2);
    expect(accuracy).toBeGreaterThan(0.9);
  });

  it("resnet20 learns from the first images, and does as well in inference", async () => {
    const { losses, accuracy } = await trained(resnet20, sgd(0.05, { momentum: 0.9 }), 1024, 4);
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2);
    expect(accuracy).toBeGreaterThan(0.7);
  });

  it("the network for clothes has fewer than 100,000 parameters, and learns from the first digits", async () => {
    const sizes = Object.values(experimentModel(fashion).init(0).parameters()).map(({ size }) => size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(100_000);
    const { accuracy } = await trained({ ...fashion, data: lenet.data }, adamW(2e-3), 2000, 3);
    expect(accuracy).toBeGreaterThan(0.8);
  });

  it("lstm learns from the first images, read row by row", async () => {
    const { accuracy } = await trained(lstm, adam(2e-3), 4000, 2);
    expect(accuracy).toBeGreaterThan(0.7);
  });

  it("gpt learns from a part of its text, and writes", async () => {
    const { train, validation } = gpt.data as { train: Dataset; validation: Dataset };
    expect(train.y.data.subarray(0, 100)).toEqual(train.x.data.subarray(1, 101));
    const spoken = vi.spyOn(console, "error").mockImplementation(() => {});
    const { model, loss, callbacks } = gpt;
    const trainer = new Trainer({
      model: model as Module,
      loss,
      callbacks: callbacks ?? [],
      optimizer: adamW(2e-3),
    });
    const { record } = await trainer.fit(inMemory("test", train).head(192), {
      epochs: 2,
      batchSize: 16,
      validation: validation.head(32),
    });
    const text = String(spoken.mock.calls.at(-1)?.[0]);
    spoken.mockRestore();
    // Some 65 characters, all as likely: 4.2. Their frequencies alone: about 3.
    expect(record?.validation?.loss).toBeLessThan(3.4);
    expect(text).toMatch(/^\nIn the beginning/);
    expect(text.length).toBe(1 + 16 + 112 + 1);
  });

  it("vae learns to describe the first images, and draws", async () => {
    const spoken = vi.spyOn(console, "error").mockImplementation(() => {});
    const { train, test } = await experimentData(vae);
    const model = new Vae();
    const trainer = new Trainer({ model, loss: negativeElbo, optimizer: adam(2e-3), seed: 0 });
    await trainer.fit(inMemory("test", train).head(4000), { epochs: 3, batchSize: 64 });
    expect((await trainer.evaluate((test as Dataset).head(500))).loss).toBeLessThan(190);
    spoken.mockRestore();
    // A code is drawn anew for each key while training, and is its mean without.
    const x = zeros([1, 784]);
    const drawn = async (key: number) => [...(await model.forward(x, context({ train: true, key })).data())];
    expect(await drawn(1)).not.toEqual(await drawn(2));
    expect([...(await model.forward(x, context()).data())]).toEqual([
      ...(await model.forward(x, context()).data()),
    ]);
  });

  it("vae's KL divergence is the integral it stands for", async () => {
    // Of N(m, s^2) from N(0, 1): the sum over a fine grid of p log(p / q).
    const [m, s] = [0.7, 1.6];
    const z = arange(-200, 200).astype("f32").mul(0.1);
    const p = z
      .sub(m)
      .div(s)
      .square()
      .mul(-0.5)
      .exp()
      .div(s * Math.sqrt(2 * Math.PI));
    const logRatio = z.square().sub(z.sub(m).div(s).square()).mul(0.5).sub(Math.log(s));
    const integral = await p.mul(logRatio).sum().mul(0.1).item();
    const closed = klToNormal(tensor([[m, 0]]), tensor([[2 * Math.log(s), 0]]));
    expect(closed.shape).toEqual([1]);
    expect(await closed.item()).toBeCloseTo(integral, 4);
  });

  it("vae draws a pixel where it is", () => {
    const image = new Float32Array(2 * 784);
    image[784 + 2 * 28 + 3] = 1;
    const lines = draw(image, 2).split("\n");
    expect(lines).toHaveLength(14);
    expect(lines[1]).toBe(`${" ".repeat(31)}+`);
    expect(lines.filter((line) => line !== "")).toHaveLength(1);
  });

  it("gradient-descent finds the line 4 + 3 x and prints the true gradient", async () => {
    const lines = await run("gradient-descent");
    // At theta = 0 the error is -y: the gradient is -(mean(y), mean(x y)).
    expect(numbers(lines[1])).toEqual([0, 59, 0, 0, -10, -26]);
    const [step, loss, theta0, theta1] = numbers(lines.at(-1)) as [number, number, number, number];
    expect([step, Math.round(theta0), Math.round(theta1)]).toEqual([100, 4, 3]);
    expect(loss).toBeLessThan(0.001);
  });

  it("housing recovers the coefficients it was made with", async () => {
    const rows = (await run("housing")).slice(-13).map(numbers) as [number, number, number][];
    expect(rows.map(([feature]) => feature)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    // The noise of 0.5 over 405 rows leaves each coefficient a standard error of 0.025.
    for (const [, answer, recovered] of rows) expect(Math.abs(recovered - answer)).toBeLessThan(0.1);
  });

  it("binary-mlp learns by hand in 1,000 steps", async () => {
    const lines = await run("binary-mlp");
    const losses = lines.slice(0, 5).map((line) => numbers(line)[1] as number);
    expect(losses[4]).toBeLessThan(0.1);
    expect(losses[0]).toBeGreaterThan(0.5);
    expect(numbers(lines[5])[0]).toBeGreaterThan(0.97);
  });

  it("mnist-small passes 0.9 on the test images", async () => {
    const lines = await run("mnist-small");
    expect(numbers(lines[0])[1]).toBeGreaterThan(0.91);
    expect(lines[1]).toMatch(/^predicted( \d){10}$/);
  });

  it("mnist-mlp passes 0.955 after one epoch of real images", async () => {
    const space = new Workspace();
    const { code, stdout } = await space.run([
      "train",
      path("mnist-mlp"),
      "--epochs",
      "1",
      "--json",
      "--quiet",
    ]);
    space.remove();
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ epochs: 1, parameters: 118_282 });
    expect(JSON.parse(stdout).validation.accuracy).toBeGreaterThan(0.955);
  });
});
