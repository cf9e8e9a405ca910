/** Attributions against PyTorch (goldens/attributions.py), and what must hold of them for any network. */
import { random, type Tensor, tensor } from "nabla";
import { Conv2d, GlobalAvgPool, Linear, Module, predict, relu, replace, Sequential, tanh } from "nabla/nn";
import { gradCam, integratedGradients, occlusion, saliency } from "nabla/trust";
import { describe, expect, test } from "vitest";
import { close, golden, net, x } from "./small-net.ts";

const nets = ["tanh", "relu"] as const;
const { targets } = golden;

describe.each(nets)("of the %s network", (name) => {
  const model = net(name);
  const expected = golden[name];

  test("is the same network", async () => {
    await close(await predict(model, x()), expected.logits, 2e-6);
  });

  test("saliency", async () => {
    await close(
      (await saliency(model, x(), { target: targets, signed: true })).values,
      expected.gradient,
      1e-6,
    );
    const sizes = await saliency(model, x(), { target: targets, batch: 2 });
    await close(sizes.values, expected.gradient.map(Math.abs), 1e-6);
    expect([...sizes.targets]).toEqual(targets);
  });

  test("integrated gradients by each rule", async () => {
    for (const rule of ["gaussLegendre", "midpoint", "right"] as const) {
      const options = { target: targets, steps: 20, rule, baseline: 0.25, batch: 3 };
      const { values, difference } = await integratedGradients(model, x(), options);
      await close(values, expected[rule], 2e-6);
      await close(tensor(difference), expected.difference, 4e-6);
    }
  });

  test("occlusion", async () => {
    const shared = { target: targets, batch: 4 };
    const even = await occlusion(model, x(), { ...shared, window: [2, 3], stride: 2, fill: 0.2 });
    await close(even.values, expected.occlusion, 4e-6);
    const uneven = await occlusion(model, x(), { ...shared, window: [3, 4], stride: [3, 3] });
    await close(uneven.values, expected.occlusionUneven, 4e-6);
  });

  test("Grad-CAM of a function that stands as a layer, and of the layer before it", async () => {
    const shared = { target: targets, layer: "layers/1", batch: 2 };
    await close(
      (await gradCam(model, x(), { ...shared, relu: false, resize: false })).values,
      expected.cam,
      2e-6,
    );
    await close((await gradCam(model, x(), shared)).values, expected.camLarge, 2e-6);
    const inner = await gradCam(model, x(), { ...shared, layer: "layers/0", resize: false });
    expect(inner.values.shape).toEqual([5, 5, 4]);
  });

  test("SmoothGrad is the mean of PyTorch's gradients under noise, within what chance allows", async () => {
    const samples = 600;
    const image = x();
    const range = image.flatten(1);
    const spread = (await range.max(-1).sub(range.min(-1)).data()) as Float32Array;
    const { mean, std, deviation } = expected.noisy;
    const width = mean.length / spread.length;
    for (const [row, own] of spread.entries()) {
      // The noise is said as part of the row's range.
      const options = {
        target: targets[row] as number,
        samples,
        noise: deviation / own,
        signed: true,
        seed: row,
      };
      const { values } = await saliency(model, image.slice([row, row + 1]), options);
      const got = await values.data();
      for (let i = 0; i < width; i++) {
        const at = row * width + i;
        const error = Math.abs(Number(got[i]) - (mean[at] as number));
        // Five standard errors of both means.
        const bound = 5 * (std[at] as number) * Math.sqrt(1 / samples + 1 / 4000) + 1e-6;
        expect(error).toBeLessThanOrEqual(bound);
      }
    }
  });
});

describe("axioms", () => {
  test("integrated gradients are complete: tight for a smooth network, by steps for ReLU", async () => {
    const smooth = await integratedGradients(net("tanh"), x(), { baseline: 0.25, steps: 20 });
    expect(Math.max(...smooth.gap.map(Math.abs))).toBeLessThan(5e-6);
    expect(Math.max(...smooth.difference.map(Math.abs))).toBeGreaterThan(0.1);
    const gaps: number[] = [];
    for (const steps of [5, 50, 500]) {
      const { gap } = await integratedGradients(net("relu"), x(), {
        baseline: 0.25,
        steps,
        rule: "midpoint",
      });
      gaps.push(Math.max(...gap.map(Math.abs)));
    }
    expect(gaps[1]).toBeLessThan(gaps[0] as number);
    expect(gaps[2]).toBeLessThan(1e-3);
    // The gap is what it says.
    const { values, gap, difference } = await integratedGradients(net("relu"), x(), {
      steps: 3,
      rule: "right",
    });
    const sums = await values.flatten(1).sum(-1).data();
    gap.forEach((own, row) => {
      expect((difference[row] as number) - Number(sums[row])).toBeCloseTo(own, 5);
    });
  });

  /** Sees the first two of three inputs. */
  class Blind extends Module {
    readonly inner = new Sequential(new Linear(2, 8), relu, new Linear(8, 2));
    forward(input: Tensor): Tensor {
      return this.inner.forward(input.slice([], [0, 2]));
    }
  }

  test("an input that does not matter gets exactly 0; one that alone changes the output does not", async () => {
    const model = new Blind().init(1);
    const input = tensor([[0.4, -0.7, 0.9]]);
    const all = [
      await saliency(model, input),
      await saliency(model, input, { samples: 10 }),
      await integratedGradients(model, input),
      await occlusion(model, input, { window: 1 }),
    ];
    for (const { values } of all) {
      const numbers = await values.data();
      expect(Math.abs(Number(numbers[2]))).toBe(0);
      expect(Number(numbers[0])).not.toBe(0);
    }
    // Sensitivity (a): x and the baseline differ in one input, and in their outputs.
    const baseline = tensor([0.4, 0.7, 0.9]);
    const { values, difference } = await integratedGradients(model, input, {
      baseline,
      target: 1,
      steps: 300,
    });
    const [first, second, third] = await values.data();
    expect(Math.abs(difference[0] as number)).toBeGreaterThan(0.01);
    expect(Math.abs(Number(first)) + Math.abs(Number(third))).toBe(0);
    expect(Number(second)).toBeCloseTo(difference[0] as number, 2);
  });

  test("the predicted output is explained by default; results do not depend on the batch", async () => {
    const model = net("relu");
    const predicted = [...((await (await predict(model, x())).argmax(-1).data()) as Int32Array)];
    for (const explain of [
      (batch: number) => saliency(model, x(), { batch, samples: 3 }),
      (batch: number) => integratedGradients(model, x(), { batch, steps: 4 }),
      (batch: number) => occlusion(model, x(), { batch, window: 3 }),
      (batch: number) => gradCam(model, x(), { batch, layer: "layers/3" }),
    ]) {
      const [whole, parts] = [await explain(32), await explain(2)];
      expect([...whole.targets]).toEqual(predicted);
      await close(parts.values, [...(await whole.values.data())].map(Number), 1e-6);
    }
  });

  test("one model with images of several sizes, and layers that are exchanged", async () => {
    const model = new Sequential(new Conv2d(1, 3, 3), relu, new GlobalAvgPool(), new Linear(3, 2)).init(0);
    const explain = (on: Sequential, size: number) => {
      const input = random.normal(random.key(size), [2, size, size + 1, 1]);
      const shared = { target: 0 } as const;
      return Promise.all([
        saliency(on, input, shared),
        integratedGradients(on, input, { ...shared, steps: 3 }),
        occlusion(on, input, { ...shared, window: 2 }),
        gradCam(on, input, { ...shared, layer: "layers/1" }),
      ]);
    };
    const numbers = async (on: Sequential, size: number) =>
      (await Promise.all((await explain(on, size)).map(({ values }) => values.array()))) as unknown[];
    const fresh = () =>
      new Sequential(new Conv2d(1, 3, 3), relu, new GlobalAvgPool(), new Linear(3, 2)).init(0);
    for (const size of [5, 7, 5]) expect(await numbers(model, size)).toEqual(await numbers(fresh(), size));
    replace(model, "layers/1", tanh);
    const other = new Sequential(new Conv2d(1, 3, 3), tanh, new GlobalAvgPool(), new Linear(3, 2)).init(0);
    expect(await numbers(model, 5)).toEqual(await numbers(other, 5));
  });

  test("a model with one output; parameters that change are followed", async () => {
    const model = new Sequential(new Linear(3, 1)).init(2);
    const input = random.normal(random.key(0), [4, 3]);
    const weight = () => model.parameters()["layers/0/weight"]?.data() as Promise<Float32Array>;
    const once = async () =>
      [...(await (await saliency(model, input, { signed: true })).values.data())].slice(0, 3);
    expect(await once()).toEqual([...(await weight())]);
    model.init(3);
    expect(await once()).toEqual([...(await weight())]);
  });
});

describe("errors", () => {
  const model = net("relu");
  const errors: [string, () => Promise<unknown>, string][] = [
    ["dtype", () => saliency(model, x().astype("i32")), "saliency: x must be f32"],
    [
      "no rows",
      () => saliency(model, tensor([1, 2])),
      "saliency: x must be rows of inputs, [n, ...]; got [2].",
    ],
    ["option", () => saliency(model, x(), { sampels: 3 } as object), 'Did you mean "samples"?'],
    [
      "samples",
      () => saliency(model, x(), { samples: 0 }),
      "samples must be a whole number of at least 1; got 0.",
    ],
    [
      "target",
      () => saliency(model, x(), { target: 3 }),
      "target must be an output of the model, 0 to 2; got 3.",
    ],
    ["targets", () => saliency(model, x(), { target: [0, 1, 2, 5, 0] }), "got 5 for row 3."],
    ["too few targets", () => saliency(model, x(), { target: [0] }), "got 1 for 5 rows."],
    [
      "rule",
      () => integratedGradients(model, x(), { rule: "left" as "right" }),
      "rule must be one of gaussLegendre",
    ],
    [
      "baseline",
      () => integratedGradients(model, x(), { baseline: tensor([1, 2]) }),
      "must be a number, [7,6,2]",
    ],
    [
      "window",
      () => occlusion(model, x(), { window: [2, 2, 2] }),
      "window must be a number or 2 for rows [7,6,2]",
    ],
    [
      "stride",
      () => occlusion(model, x(), { window: 2, stride: 3 }),
      "the stride must be at most the window",
    ],
    [
      "layer",
      () => gradCam(model, x(), { layer: "layer/1" }),
      'layer "layer/1": must be a layer that the model runs',
    ],
    ["nearest layer", () => gradCam(model, x(), { layer: "layers1" }), 'Did you mean "layers/1"?'],
    ["no maps", () => gradCam(model, x(), { layer: "layers/5" }), "layers/5 gives [5,3]"],
    [
      "no image",
      () => gradCam(new Sequential(new Linear(3, 2)).init(0), tensor([[1, 2, 3]]), { layer: "layers/0" }),
      "must be images",
    ],
  ];
  test.each(errors)("%s", async (_name, run, message) => {
    await expect(run()).rejects.toThrow(message);
  });
});
