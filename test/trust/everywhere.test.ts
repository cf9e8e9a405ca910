/** The same on each device, to the bit for any number of threads, and for models with statistics. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  ConfigError,
  DataError,
  DTypeError,
  grad,
  random,
  ShapeError,
  setDefaultDevice,
  type Tensor,
  tensor,
} from "nabla";
import { BatchNorm, context, dropout, Linear, relu, Sequential } from "nabla/nn";
import {
  gradCam,
  integratedGradients,
  metricsByGroup,
  occlusion,
  pgd,
  saliency,
  temperatureScaling,
} from "nabla/trust";
import { afterEach, expect, test } from "vitest";
import { devices } from "../nn/devices.ts";
import { close, golden, net, x } from "./small-net.ts";

const usual = devices.at(-1) as string;
afterEach(() => setDefaultDevice(usual));

test.each(devices)("as PyTorch on %s", async (device) => {
  setDefaultDevice(device);
  const model = net("tanh");
  const expected = golden.tanh;
  const shared = { target: golden.targets, batch: 3 };
  await close((await saliency(model, x(), { ...shared, signed: true })).values, expected.gradient, 1e-6);
  const options = { ...shared, steps: 20, baseline: 0.25 };
  await close((await integratedGradients(model, x(), options)).values, expected.gaussLegendre, 2e-6);
  const hidden = await occlusion(model, x(), { ...shared, window: [2, 3], stride: 2, fill: 0.2 });
  await close(hidden.values, expected.occlusion, 4e-6);
  await close((await gradCam(model, x(), { ...shared, layer: "layers/1" })).values, expected.camLarge, 2e-6);
  const y = tensor(golden.targets, { dtype: "i32" });
  const attack = { epsilon: 0.5, stepSize: 0.2, norm: "l2", steps: 7, randomStart: false } as const;
  await close(await pgd(model, x(), y, attack), expected.l2, 4e-6);
  // A random start is drawn on each device.
  expect((await pgd(model, x(), y, { epsilon: 0.1, steps: 2 })).shape).toEqual(golden.shape);
});

test("equal bits for any number of threads", async () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const bits = async (threads: number): Promise<string> => {
    const env = { ...process.env, NABLA_THREADS: String(threads) };
    const args = ["--import", "tsx", "test/trust/print-bits.ts"];
    return (await promisify(execFile)(process.execPath, args, { cwd: root, env })).stdout;
  };
  const one = await bits(1);
  expect(one).toMatch(/^[0-9a-f]{64}$/);
  expect(await bits(2)).toBe(one);
});

test("statistics stand still, dropout lets everything pass", async () => {
  const model = new Sequential(new Linear(3, 4), new BatchNorm(4), relu, dropout(0.5), new Linear(4, 2)).init(
    0,
  );
  const mean = Object.keys(model.buffers()).find((path) => path.endsWith("ean")) as string;
  model.load({ [mean]: tensor([0.3, -0.2, 0.1, 0.4]) });
  const before = await model.buffers()[mean]?.data();
  const input = random.normal(random.key(0), [6, 3]);
  const { values } = await saliency(model, input, { target: 1, signed: true });
  const slope = grad((at: Tensor) => model.forward(at, context()).index("...", 1).sum())(input);
  await close(values, [...(await slope.data())].map(Number), 1e-6);
  expect(await model.buffers()[mean]?.data()).toEqual(before);
});

test("errors are of their kind", async () => {
  const model = net("relu");
  const y = tensor(golden.targets, { dtype: "i32" });
  const kinds: [() => Promise<unknown>, new (text: string) => Error][] = [
    [() => saliency(model, x().astype("i32")), DTypeError],
    [() => saliency(model, tensor([1])), ShapeError],
    [() => saliency(model, x(), { noise: -1 }), ConfigError],
    [() => gradCam(model, x(), { layer: "layer/3" }), ConfigError],
    [() => pgd(model, x(), y, { epsilon: 0 }), ConfigError],
    [() => pgd(model, x().mul(9), y, { epsilon: 1 }), DataError],
    [() => metricsByGroup(tensor([1, 2]), tensor([0, 1]), { metrics: ["mae"], groups: ["a"] }), ShapeError],
    [() => metricsByGroup(tensor([1]), tensor([0]), { metrics: ["mae"], groups: ["a"] }), ConfigError],
    [() => temperatureScaling(tensor([1, 2]), tensor([1, 1])), DataError],
  ];
  for (const [run, kind] of kinds) await expect(run()).rejects.toBeInstanceOf(kind);
});
