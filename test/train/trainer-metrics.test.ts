/** Metrics of a Trainer. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dataset } from "nabla/data";
import { f1, type Metric, type MetricName, recall, rocAuc, topKAccuracy } from "nabla/metrics";
import { bceWithLogits, Linear, mse, Sequential } from "nabla/nn";
import { sgd } from "nabla/optim";
import { type Callback, checkpoint } from "nabla/train";
import { afterAll, describe, expect, it } from "vitest";
import { make, rows } from "./trainer-parts.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-train-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("metrics", () => {
  it("by name and with options, in history, evaluation and a resumed epoch", async () => {
    const metrics = [
      "accuracy",
      "logLoss",
      "perplexity",
      "calibrationError",
      topKAccuracy({ k: 2 }),
      f1({ classes: 3 }),
      recall({ classes: 3, average: 1 }),
      rocAuc({ classes: 3 }),
    ] as (MetricName | Metric)[];
    const names = [
      "loss",
      "accuracy",
      "logLoss",
      "perplexity",
      "calibrationError",
      "top2Accuracy",
      "f1(macro)",
      "recall(1)",
      "rocAuc(macro)",
    ];
    const data = rows(90);
    const recent: string[][] = [];
    const whole = make({
      metrics,
      callbacks: [{ stepEnd: (event) => void recent.push(Object.keys(event.recent)) }],
    });
    const { history } = await whole.fit(data, { epochs: 2, batchSize: 16, validation: rows(30, 1) });
    expect(Object.keys(history[1]?.train ?? {})).toEqual(names);
    const scores = await whole.evaluate(rows(30, 1));
    expect(history[1]?.validation).toEqual(scores);
    expect(scores.logLoss).toBeCloseTo(scores.loss, 6);
    expect(scores.perplexity).toBeCloseTo(Math.exp(scores.loss), 4);
    // Of part of the rows only means say something.
    for (const keys of recent) expect(keys).toEqual(["loss", "accuracy", "logLoss", "top2Accuracy"]);

    // Saved in the middle of an epoch, counts and all.
    const folder = join(dir, "metrics");
    let batches = 0;
    const stopping: Callback = {
      stepEnd(event, run) {
        batches = event.position.batch;
        if (batches < 6) run.stop("enough");
      },
    };
    const cut = make({ metrics, callbacks: [stopping, checkpoint(folder)] });
    await cut.fit(data, { epochs: 2, batchSize: 16 });
    expect(batches).toBeLessThan(6);
    const resumed = make({ metrics });
    await resumed.resume(folder);
    const rest = await resumed.fit(data, { epochs: 2, batchSize: 16 });
    expect(rest.history.map(({ train }) => train)).toEqual(history.map(({ train }) => train));
  });

  it("of two classes and of numbers need no options", async () => {
    const x = Array.from({ length: 40 }, (_, i) => [Math.sin(i), Math.cos(i), i / 40, 1]);
    const binary = dataset({ x, y: x.map(([a]) => [Number((a as number) > 0)]) });
    const classifier = make({
      model: new Sequential(new Linear(4, 1)),
      loss: bceWithLogits,
      metrics: ["precision", "recall", "f1", "rocAuc", "prAuc"],
    });
    await classifier.fit(binary, { epochs: 60, batchSize: 10 });
    const scores = await classifier.evaluate(binary);
    for (const name of ["precision", "recall", "f1", "rocAuc", "prAuc"]) {
      expect(scores[name], name).toBeGreaterThan(0.9);
    }
    const numbers = dataset({ x, y: x.map(([a, b]) => [(a as number) - 2 * (b as number)]) });
    const regression = make({
      model: new Sequential(new Linear(4, 1)),
      optimizer: sgd(0.3),
      loss: mse,
      metrics: ["mse", "mae", "rmse", "r2"],
    });
    await regression.fit(numbers, { epochs: 60, batchSize: 10 });
    const fit = await regression.evaluate(numbers);
    expect(fit.r2).toBeGreaterThan(0.99);
    expect(fit.mse).toBeCloseTo(fit.loss, 6);
    expect(fit.rmse).toBeCloseTo(Math.sqrt(fit.loss), 5);
  });

  it("that need to know the classes say so before the first step", async () => {
    await expect(make({ metrics: ["f1"] }).fit(rows(9), { epochs: 1 })).rejects.toThrow(
      'f1: classes must be the number the model has; got 2 for 3. Say f1({ classes: 3, average: "macro" }). (in the metric "f1")',
    );
  });
});
