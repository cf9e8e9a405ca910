/** Convolution, pooling and normalisation layers against PyTorch: outputs, all gradients, running statistics (goldens/layers.py). */
import { readFileSync } from "node:fs";
import { type Tensor, tensor, valueAndGrad } from "nabla";
import * as nn from "nabla/nn";
import { describe, expect, test } from "vitest";
import { devices } from "./devices.ts";

interface Stored {
  shape: number[];
  data: number[];
}
interface Case {
  train: boolean;
  /** Of products and convolutions. */
  flops: number;
  x: Stored;
  tensors: Record<string, Stored>;
  y: Stored;
  g: Stored;
  gradX: Stored;
  grads: Record<string, Stored>;
  after: Record<string, Stored>;
}
const { cases } = JSON.parse(readFileSync(new URL("./goldens/layers.json", import.meta.url), "utf8")) as {
  cases: Record<string, Case>;
};

const pairs = (...list: [number, number][]) => list;
const batchNorm = (features: number, options?: nn.BatchNormOptions) => () =>
  new nn.BatchNorm(features, options);
const layers: Record<string, () => nn.Module> = {
  "Conv1d stride padding": () => new nn.Conv1d(3, 4, 3, { stride: 2, padding: 1 }),
  "Conv1d dilation groups": () => new nn.Conv1d(4, 6, 3, { dilation: 2, groups: 2, bias: false }),
  Conv2d: () => new nn.Conv2d(3, 5, [3, 2]),
  "Conv2d asymmetric": () => new nn.Conv2d(3, 4, 3, { stride: [2, 1], padding: pairs([0, 1], [2, 0]) }),
  "Conv2d dilation groups": () =>
    new nn.Conv2d(4, 6, [3, 2], { dilation: [2, 3], groups: 2, stride: [1, 2], padding: 1, bias: false }),
  "Conv2d same": () => new nn.Conv2d(2, 3, [4, 3], { padding: "same", dilation: [1, 2] }),
  "Conv2d same strided": () => new nn.Conv2d(2, 3, 3, { padding: "same", stride: 2 }),
  "Conv2d reflect": () => new nn.Conv2d(2, 3, 3, { padding: [2, 1], stride: [1, 2], paddingMode: "reflect" }),
  "Conv2d replicate": () =>
    new nn.Conv2d(2, 3, 3, { padding: [2, 1], stride: [1, 2], paddingMode: "replicate" }),
  "Conv2d circular": () =>
    new nn.Conv2d(2, 3, 3, { padding: [2, 1], stride: [1, 2], paddingMode: "circular" }),
  "Conv2d depthwise": () => new nn.DepthwiseConv2d(3, 3, { depthMultiplier: 2, padding: 1 }),
  Conv3d: () => new nn.Conv3d(2, 3, [2, 3, 3], { stride: [1, 2, 1], padding: [1, 0, 1] }),
  "Conv3d dilation groups": () => new nn.Conv3d(4, 2, 2, { dilation: [2, 1, 2], groups: 2 }),
  SeparableConv2d: () => new nn.SeparableConv2d(3, 4, 3, { depthMultiplier: 2, stride: 2, padding: 1 }),
  ConvTranspose1d: () => new nn.ConvTranspose1d(3, 4, 3, { stride: 2, padding: 1, outputPadding: 1 }),
  ConvTranspose2d: () => new nn.ConvTranspose2d(3, 2, [3, 2]),
  "ConvTranspose2d all": () =>
    new nn.ConvTranspose2d(4, 6, 3, {
      stride: [2, 3],
      padding: [1, 0],
      outputPadding: [1, 2],
      dilation: [2, 1],
      groups: 2,
      bias: false,
    }),
  ConvTranspose3d: () => new nn.ConvTranspose3d(2, 3, 2, { stride: [2, 1, 2], padding: [0, 1, 0] }),
  MaxPool1d: () => new nn.MaxPool1d(3, { stride: 2, padding: 1 }),
  MaxPool2d: () => new nn.MaxPool2d(2),
  "MaxPool2d dilation": () => new nn.MaxPool2d([3, 2], { stride: [2, 1], padding: [1, 0], dilation: [2, 3] }),
  MaxPool3d: () => new nn.MaxPool3d(2, { stride: [2, 1, 2], padding: 1 }),
  AvgPool1d: () => new nn.AvgPool1d(3, { stride: 2, padding: 1 }),
  "AvgPool2d include": () => new nn.AvgPool2d(3, { stride: 2, padding: 1 }),
  "AvgPool2d exclude": () => new nn.AvgPool2d([3, 2], { stride: [2, 1], padding: 1, countIncludePad: false }),
  "MaxPool2d ceil": () => new nn.MaxPool2d(3, { stride: [2, 4], padding: 1, ceilMode: true }),
  "MaxPool1d ceil dilation": () => new nn.MaxPool1d(2, { stride: 3, dilation: 2, ceilMode: true }),
  "AvgPool2d ceil include": () => new nn.AvgPool2d(3, { stride: 2, padding: 1, ceilMode: true }),
  "AvgPool2d ceil exclude": () =>
    new nn.AvgPool2d(3, { stride: 2, padding: 1, ceilMode: true, countIncludePad: false }),
  "AvgPool1d ceil": () => new nn.AvgPool1d(2, { stride: 3, padding: 1, ceilMode: true }),
  AvgPool3d: () => new nn.AvgPool3d([2, 3, 2], { stride: [2, 1, 1] }),
  "AdaptiveAvgPool tiles": () => new nn.AdaptiveAvgPool([3, 2]),
  AdaptiveAvgPool: () => new nn.AdaptiveAvgPool([3, 4]),
  "AdaptiveAvgPool larger": () => new nn.AdaptiveAvgPool(5),
  AdaptiveMaxPool: () => new nn.AdaptiveMaxPool([3, 4]),
  "AdaptiveMaxPool ties": () => new nn.AdaptiveMaxPool(3),
  "AdaptiveMaxPool 3d": () => new nn.AdaptiveMaxPool([2, null, 2]),
  GlobalAvgPool: () => new nn.GlobalAvgPool(),
  GlobalMaxPool: () => new nn.GlobalMaxPool(),
  "Upsample nearest": () => new nn.Upsample({ scale: [2, 3] }),
  "Upsample nearest size": () => new nn.Upsample({ size: [5, 3] }),
  "Upsample linear": () => new nn.Upsample({ scale: 2, mode: "linear" }),
  "Upsample bilinear": () => new nn.Upsample({ scale: 2, mode: "bilinear" }),
  "Upsample bilinear size": () => new nn.Upsample({ size: [4, 9], mode: "bilinear" }),
  "Upsample bilinear corners": () => new nn.Upsample({ size: [7, 5], mode: "bilinear", alignCorners: true }),
  "Upsample trilinear": () => new nn.Upsample({ scale: 2, mode: "trilinear" }),
  "BatchNorm rows train": batchNorm(4),
  "BatchNorm rows eval": batchNorm(4),
  "BatchNorm 1d train": batchNorm(4, { momentum: 0.3, epsilon: 1e-3 }),
  "BatchNorm 1d eval": batchNorm(4, { epsilon: 1e-3 }),
  "BatchNorm 2d train": batchNorm(5),
  "BatchNorm 2d eval": batchNorm(5),
  "BatchNorm 3d train": batchNorm(3),
  "BatchNorm 3d eval": batchNorm(3),
  "BatchNorm large mean": batchNorm(3),
  "BatchNorm plain": batchNorm(5, { affine: false }),
  "BatchNorm untracked": batchNorm(5, { trackRunningStats: false }),
  "BatchNorm cumulative": batchNorm(3, { momentum: null }),
  LayerNorm: () => new nn.LayerNorm(7),
  "LayerNorm several": () => new nn.LayerNorm([4, 5], { epsilon: 1e-3 }),
  "LayerNorm no bias": () => new nn.LayerNorm(6, { bias: false }),
  "LayerNorm plain": () => new nn.LayerNorm(6, { affine: false }),
  RmsNorm: () => new nn.RmsNorm(7),
  GroupNorm: () => new nn.GroupNorm(3, 6),
  "GroupNorm plain": () => new nn.GroupNorm(2, 6, { affine: false }),
  InstanceNorm: () => new nn.InstanceNorm(3, { affine: true }),
  "InstanceNorm plain": () => new nn.InstanceNorm(3),
  "WeightNorm Linear": () => new nn.WeightNorm(new nn.Linear(5, 4)),
  "WeightNorm Conv2d": () => new nn.WeightNorm(new nn.Conv2d(2, 3, 3)),
  "SpectralNorm Linear train": () => new nn.SpectralNorm(new nn.Linear(5, 4)),
  "SpectralNorm Linear eval": () => new nn.SpectralNorm(new nn.Linear(5, 4)),
  "SpectralNorm Conv2d": () => new nn.SpectralNorm(new nn.Conv2d(2, 3, [3, 2]), { iterations: 2 }),
};

test("every case has a layer, and every layer a case", () => {
  expect(Object.keys(layers).sort()).toEqual(Object.keys(cases).sort());
});

test.each(Object.keys(cases).filter((name) => /Conv/.test(name) && !name.startsWith("Spectral")))(
  "flops of %s are PyTorch's",
  (name) => {
    const { flops, x } = cases[name] as Case;
    const [batch, ...inputShape] = x.shape;
    const { macs } = nn.flops((layers[name] as () => nn.Module)(), inputShape, { batch: batch as number });
    expect(2 * macs).toBe(flops);
  },
);

/** Within 1e-5 of the tensor's largest value. */
async function close(got: Tensor, { shape, data }: Stored, what: string): Promise<void> {
  expect(got.shape, what).toEqual(shape);
  const scale = data.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
  const values = await got.data();
  data.forEach((value, i) => {
    const error = Math.abs((values[i] as number) - value);
    expect(error, `${what} ${i}: ${values[i]} for ${value}`).toBeLessThanOrEqual(1e-5 * scale);
  });
}

describe.each(devices)("on %s", (device) => {
  test.each(Object.keys(cases))("%s", async (name) => {
    const layer = (layers[name] as () => nn.Module)().init(tensor([0, 0], { dtype: "u32", device }));
    const golden = cases[name] as Case;
    const at = ({ data, shape }: Stored) => tensor(data, { shape, device });
    layer.load(Object.fromEntries(Object.entries(golden.tensors).map(([path, t]) => [path, at(t)])));
    const g = at(golden.g);
    const loss = (params: nn.Tensors, x: Tensor) =>
      nn.apply(layer, params, () => {
        const ctx = nn.context({ train: golden.train });
        const y = layer.forward(x, ctx);
        return [y.mul(g).sum(), { y, after: ctx.updates() }] as const;
      });
    const [[, { y, after }], [grads, gradX]] = valueAndGrad(loss, { argnums: [0, 1], hasAux: true })(
      layer.parameters(),
      at(golden.x),
    );
    await close(y, golden.y, "y");
    await close(gradX, golden.gradX, "gradient of x");
    expect(Object.keys(grads).sort()).toEqual(Object.keys(golden.grads).sort());
    for (const [path, stored] of Object.entries(golden.grads)) {
      await close(grads[path] as Tensor, stored, `gradient of ${path}`);
    }
    const moved = golden.train ? Object.keys(golden.after) : [];
    expect(Object.keys(after).sort()).toEqual(moved.sort());
    for (const path of moved) await close(after[path] as Tensor, golden.after[path] as Stored, path);
  });
});
