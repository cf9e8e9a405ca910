/** Debug mode: the first operation that made a NaN or an infinity is named, with layer, shape and step. */
import type { Tensor } from "nabla";
import { dataset } from "nabla/data";
import { crossEntropy, Linear, Module, relu, Sequential } from "nabla/nn";
import { sgd } from "nabla/optim";
import { Trainer } from "nabla/train";
import { describe, expect, it } from "vitest";

/** Rows of four numbers in three classes; the one at `odd` is `value` everywhere. */
const rows = (n: number, odd = -1, value = 0) =>
  dataset({
    x: Array.from({ length: n }, (_, i) => Array(4).fill(i === odd ? value : 1 + (i % 3))),
    y: Array.from({ length: n }, (_, i) => i % 3),
    allowNonFinite: true,
  });

class LogLayer extends Module {
  forward(x: Tensor): Tensor {
    return x.log();
  }
}

const run = (trainer: Trainer, data: ReturnType<typeof rows>) =>
  trainer.fit(data, { epochs: 2, batchSize: 8, shuffle: false });

describe("debug mode names", () => {
  it("the operation in a layer, and the step", async () => {
    const model = new Sequential(new LogLayer(), new Linear(4, 3));
    const trainer = new Trainer({ model, loss: crossEntropy, optimizer: sgd(1e-3), debug: true });
    await expect(run(trainer, rows(40, 19, -1))).rejects.toThrow(
      "at step 3 (epoch 1, batch 3) it is not. The first NaN is of log: f32[8,4] in LogLayer layers/0, at step 3 (element [3, 0] and 3 more). Try",
    );
  });

  it("data that are NaN", async () => {
    const model = new Sequential(new Linear(4, 8), relu, new Linear(8, 3));
    const trainer = new Trainer({ model, loss: crossEntropy, optimizer: sgd(1e-3), debug: true });
    await expect(run(trainer, rows(16, 5, Number.NaN))).rejects.toThrow(
      "The first NaN is of a value the step was given: f32[16,4] outside of the layers",
    );
  });

  it("an update whose loss was finite still", async () => {
    const model = new Sequential(new Linear(4, 1, { bias: false }));
    // The root's slope at 0 is infinite, and 0 times it NaN.
    const loss = (outputs: Tensor) => outputs.square().sum().sqrt();
    const trainer = new Trainer({ model, loss, optimizer: sgd(1e-3), debug: true });
    const data = dataset({ x: Array(16).fill([0, 0, 0, 0]), y: Array(16).fill(0) });
    await expect(run(trainer, data)).rejects.toThrow(
      /at step 2 .* The first infinity is of div: f32\[\] outside of the layers: in loss, gradient or update, at step 1 /,
    );
  });

  it("the overflow a NaN comes from", async () => {
    const model = new Sequential(new Linear(4, 3));
    const loss = (outputs: Tensor) => outputs.square().mul(3e38).exp().mean();
    const trainer = new Trainer({ model, loss, optimizer: sgd(1e-3), debug: true, seed: 1 });
    await expect(run(trainer, rows(16))).rejects.toThrow(
      /The first infinity is of (mul|exp): f32\[8,3\] outside of the layers/,
    );
  });

  it("nothing when it is off, but says that it is there", async () => {
    const model = new Sequential(new LogLayer(), new Linear(4, 3));
    const trainer = new Trainer({ model, loss: crossEntropy, optimizer: sgd(1e-3) });
    await expect(run(trainer, rows(40, 19, -1))).rejects.toThrow(
      "at step 3 (epoch 1, batch 3) it is not. With { debug: true } (nabla train: --debug) the operation is named. Try a lower learning rate",
    );
  });

  it("trains to the same bits as without", async () => {
    const bits = async (debug: boolean): Promise<number[]> => {
      const model = new Sequential(new Linear(4, 8), relu, new Linear(8, 3));
      const trainer = new Trainer({ model, loss: crossEntropy, optimizer: sgd(1e-2), debug });
      await trainer.fit(rows(40), { epochs: 2, batchSize: 8 });
      return [...(await (model.parameters()["layers/0/weight"] as Tensor).data())];
    };
    expect(await bits(true)).toEqual(await bits(false));
  });
});
