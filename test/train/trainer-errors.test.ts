import type { Tensor } from "nabla";
import { dataset } from "nabla/data";
import { crossEntropy, Linear, mse, relu, Sequential } from "nabla/nn";
import { adam, sgd } from "nabla/optim";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ConfigError, DataError, ShapeError } from "../../src/util/index.ts";
import { make, rows } from "./trainer-parts.ts";

afterEach(() => vi.restoreAllMocks());

describe("errors", () => {
  it("names an option that does not exist", () => {
    expect(() => make({ optimiser: adam() } as never)).toThrow(
      new ConfigError('Trainer: there is no option "optimiser". Did you mean "optimizer"?'),
    );
    expect(() => make({ metrics: ["acuracy" as never] })).toThrow(
      'there is no metric "acuracy". Did you mean "accuracy"?',
    );
    expect(() => make({ seed: 1.5 })).toThrow("seed must be a whole number of at least 0; got 1.5");
  });

  it("of fit's options", async () => {
    await expect(make().fit(rows(9), { epoch: 1 } as never)).rejects.toThrow(
      'there is no option "epoch". Did you mean "epochs"?',
    );
    await expect(make().fit(rows(9), { epochs: 0 })).rejects.toThrow(
      "epochs must be a whole number of at least 1; got 0",
    );
    await expect(make().fit([] as never, { epochs: 1 })).rejects.toThrow(
      "must be a data set in memory, made by dataset() or mnist()",
    );
  });

  it("of labels, shapes and losses before the first step", async () => {
    const started = vi.fn();
    const callbacks = [{ start: started }];
    const labels = dataset({
      x: [
        [1, 2, 3, 4],
        [1, 2, 3, 4],
      ],
      y: [0, 3],
    });
    await expect(make({ callbacks }).fit(labels, { epochs: 1 })).rejects.toThrow(
      "the training data: labels must be in [0, 3), as the model has 3 outputs; row 1 has label 3.",
    );
    const negative = dataset({ x: [[1, 2, 3, 4]], y: [-1] });
    await expect(make({ callbacks }).fit(rows(9), { epochs: 1, validation: negative })).rejects.toThrow(
      "the validation data: labels must be in [0, 3), as the model has 3 outputs; row 0 has label -1.",
    );
    const ignoring = (logits: Tensor, y: Tensor) => crossEntropy(logits, y, { ignoreIndex: -100 });
    const padded = dataset({ x: Array(3).fill([1, 2, 3, 4]), y: [0, -100, -1] });
    await expect(make({ loss: ignoring }).fit(padded, { epochs: 1 })).rejects.toThrow(
      "row 2 has label -1. Give the last layer more outputs, or fix the labels; for rows that do not count, give the loss { ignoreIndex }.",
    );
    const narrow = new Sequential(new Linear(4, 8), relu, new Linear(9, 3));
    await expect(make({ callbacks, model: narrow }).fit(rows(9), { epochs: 1 })).rejects.toThrow(ShapeError);
    await expect(make({ callbacks, model: narrow }).fit(rows(9), { epochs: 1 })).rejects.toThrow("layers/2");
    const rowLoss = (logits: Tensor, y: Tensor) => crossEntropy(logits, y, { reduction: "none" });
    await expect(make({ callbacks, loss: rowLoss }).fit(rows(9), { epochs: 1 })).rejects.toThrow(
      "loss: must return one number (0-d) for a batch; got f32[9]. Take its mean().",
    );
    await expect(make({ callbacks, loss: mse, metrics: [] }).fit(rows(9), { epochs: 1 })).rejects.toThrow(
      ShapeError,
    );
    expect(started).not.toHaveBeenCalled();
  });

  it("of a loss that is not finite: which step it was, and what to try", async () => {
    const heard = vi.fn();
    const data = rows(64);
    const trainer = make({ optimizer: sgd(1e38), callbacks: [{ error: heard }] });
    const failed = trainer.fit(data, { epochs: 3, batchSize: 8 });
    await expect(failed).rejects.toThrow(DataError);
    await expect(failed).rejects.toThrow(
      /at step \d+ \(epoch \d, batch \d\) it is not\. With \{ debug: true \} \(nabla train: --debug\) the operation is named\. Try a lower learning rate/,
    );
    expect(heard).toHaveBeenCalledOnce();
  });

  it("of a callback ends the run, and the trainer can be used again", async () => {
    let broken = true;
    const trainer = make({
      callbacks: [
        {
          epochEnd: () => {
            if (broken) throw new Error("mine");
          },
        },
      ],
    });
    await expect(trainer.fit(rows(30), { epochs: 2 })).rejects.toThrow("mine");
    broken = false;
    await trainer.fit(rows(30), { epochs: 2 });
    expect(trainer.history.length).toBeGreaterThanOrEqual(2);
  });

  it("of a second fit while the first goes on", async () => {
    const trainer = make();
    const first = trainer.fit(rows(30), { epochs: 1 });
    await expect(trainer.fit(rows(30), { epochs: 1 })).rejects.toThrow("already training");
    await first;
  });
});

it("leaves out rows whose label the loss ignores", async () => {
  const loss = (logits: Tensor, y: Tensor) => crossEntropy(logits, y, { ignoreIndex: -100 });
  const trainer = make({ loss, metrics: [] });
  const x = [
    [1, 2, 3, 4],
    [4, 3, 2, 1],
  ];
  const { loss: both } = await trainer.evaluate(dataset({ x, y: [2, -100] }));
  const { loss: first } = await trainer.evaluate(dataset({ x: x.slice(0, 1), y: [2] }));
  expect(both).toBeCloseTo(first as number, 6);
});
