/** Every augmentation with explicit parameters against torchvision. */
import { jit, type Tensor, tensor } from "nabla";
import { describe, expect, it } from "vitest";
import * as colour from "../../../src/data/augment/colour.ts";
import { erased } from "../../../src/data/augment/erase.ts";
import { affineWarp, cropWarp } from "../../../src/data/augment/geometric.ts";
import { cutWith, mixWith } from "../../../src/data/augment/mix.ts";
import * as neighbours from "../../../src/data/augment/neighbours.ts";
import {
  applyChoice,
  operations,
  randAugmentSpace,
  trivialAugmentSpace,
} from "../../../src/data/augment/policy.ts";
import { cropAll } from "../../../src/data/augment/resized-crop.ts";
import * as tone from "../../../src/data/augment/tone.ts";
import { resample, type Warp, warpAll } from "../../../src/data/augment/warp.ts";
import golden from "./goldens/augment.json" with { type: "json" };

const [batch = 0, height = 0, width = 0] = golden.shape;
const images = () => tensor(golden.x, { dtype: "f32" }).reshape(golden.shape);
const masks = () => tensor(golden.mask, { dtype: "i32" }).reshape([batch, height, width]);
// Each sample has its own boxes; torchvision was given all of them.
const boxes = () => tensor([golden.boxes, golden.boxes], { dtype: "f32" }).reshape([2, 2, 4]);
const all = (value: number) => tensor(new Float32Array(batch).fill(value));
const whole = (value: number) => tensor(new Int32Array(batch).fill(value));

async function near(got: Tensor, want: readonly number[], tolerance = 1e-5): Promise<void> {
  const values = await got.data();
  expect(values.length).toBe(want.length);
  const worst = want.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(values[i]))), 0);
  expect(worst).toBeLessThan(tolerance);
}

const adjust: Record<string, (x: Tensor, args: Record<string, number>) => Tensor> = {
  brightness: (x, { value = 0 }) => colour.adjustBrightness(x, all(value)),
  contrast: (x, { value = 0 }) => colour.adjustContrast(x, all(value)),
  saturation: (x, { value = 0 }) => colour.adjustSaturation(x, all(value)),
  hue: (x, { value = 0 }) => colour.adjustHue(x, all(value)),
  grayscale: (x) => colour.luma(x).broadcastTo(x.shape),
  sharpness: (x, { value = 0 }) => neighbours.adjustSharpness(x, all(value)),
  blur: (x, { size = 0, sigma = 0 }) => neighbours.blurred(x, size, all(sigma)),
  posterize: (x, { value = 0 }) => tone.posterized(x, all(value)),
  solarize: (x, { value = 0 }) => tone.solarized(x, all(value)),
  autocontrast: (x) => tone.autocontrasted(x),
  equalize: (x) => tone.equalized(x),
  invert: (x) => tone.inverted(x),
};

describe("pixel values", () => {
  it.each(golden.cases)("$op $args", async ({ op, args, out }) => {
    const change = adjust[op] as (x: Tensor, args: Record<string, number>) => Tensor;
    await near(jit((x: Tensor) => change(x, args as Record<string, number>))(images()), out, 2e-5);
  });

  it("equalize of an image with more pixels than levels", async () => {
    const x = tensor(golden.equal.x, { dtype: "f32" }).reshape([1, 40, 40, 1]);
    await near(jit(tone.equalized)(x), golden.equal.out);
  });
});

const move = (warp: Warp, fill: number, interpolation: "nearest" | "bilinear") =>
  jit((x: Tensor) => resample(x, warp, interpolation, fill))(images());

describe("geometry", () => {
  it.each(golden.affines)("affine $angle $translate $scale $shear", async (p) => {
    const pair = ([x = 0, y = 0]: readonly number[]) => [all(x), all(y)] as const;
    const warp = affineWarp(
      { angle: all(p.angle), translate: pair(p.translate), scale: all(p.scale), shear: pair(p.shear) },
      [height, width],
    );
    await near(move(warp, 0, "bilinear"), p.bilinear);
    await near(move(warp, 0.5, "bilinear"), p.filled);
    await near(move(warp, 0.5, "nearest"), p.nearest);
    const moved = warpAll({ images: images(), masks: masks(), boxes: boxes() }, warp, {});
    await near(moved.masks as Tensor, p.mask);
    await near(moved.boxes as Tensor, [...p.boxes, ...p.boxes]);
    const numbers = affineWarp(
      {
        ...p,
        translate: [p.translate[0] ?? 0, p.translate[1] ?? 0],
        shear: [p.shear[0] ?? 0, p.shear[1] ?? 0],
      },
      [height, width],
    );
    await near(move(numbers, 0, "bilinear"), p.bilinear);
  });

  it.each(["horizontal", "vertical"] as const)("%s flip", async (name) => {
    const want = golden.flips[name];
    const across = name === "horizontal";
    const warp: Warp = {
      a: across ? all(-1) : 1,
      b: 0,
      tx: 0,
      c: 0,
      d: across ? 1 : all(-1),
      ty: 0,
      size: [height, width],
      steps: true,
    };
    const moved = warpAll({ images: images(), masks: masks(), boxes: boxes() }, warp, {});
    await near(moved.images, want.image);
    await near(moved.masks as Tensor, want.mask);
    await near(moved.boxes as Tensor, [...want.boxes, ...want.boxes]);
  });

  it.each(golden.crops)(
    "crop $top $left $padding",
    async ({ top, left, padding, size: [h = 0, w = 0], out }) => {
      const warp = cropWarp([whole(top), whole(left)], padding, [height, width], [h, w]);
      await near(move(warp, 0.25, "bilinear"), out);
    },
  );

  it.each(golden.resized)("resized crop $top $left $height $width", async (p) => {
    const at = { top: whole(p.top), left: whole(p.left), height: whole(p.height), width: whole(p.width) };
    const size = [p.size[0] ?? 0, p.size[1] ?? 0] as const;
    const parts = { images: images(), masks: masks(), boxes: boxes() };
    const moved = cropAll(parts, at, size, "bilinear");
    await near(moved.images, p.bilinear);
    await near(cropAll(parts, at, size, "nearest").images, p.nearest);
    await near(moved.masks as Tensor, p.mask);
    await near(moved.boxes as Tensor, [...p.boxes, ...p.boxes]);
  });
});

describe("parts of images", () => {
  it.each(golden.erases)("erase $top $left $height $width", async (p) => {
    const at = { top: whole(p.top), left: whole(p.left), height: whole(p.height), width: whole(p.width) };
    const got = jit((x: Tensor) => erased(x, at, p.value, all(1).gt(0)))(images());
    expect(await got.data()).toEqual(Float32Array.from(p.out));
    expect(await erased(images(), at, p.value, all(1).lt(0)).data()).toEqual(await images().data());
  });

  it.each(golden.mix.cases)("$kind $lambda $centre", async ({ kind, lambda, centre, ...want }) => {
    const { mix } = golden;
    const batch = {
      images: tensor(mix.x, { dtype: "f32" }).reshape([3, ...golden.shape.slice(1)]),
      hard: tensor(mix.labels, { dtype: "i32" }),
      soft: tensor(mix.shares, { dtype: "f32" }),
    };
    const partner = tensor([2, 0, 1], { dtype: "i32" });
    const three = (value: number) => tensor(new Float32Array(3).fill(value));
    const place = (value = 0) => tensor(new Int32Array(3).fill(value));
    const change = jit((images: Tensor, targets: Tensor) => {
      const made =
        kind === "MixUp"
          ? mixWith({ images, targets }, partner, three(lambda), 4)
          : cutWith({ images, targets }, partner, three(lambda), [place(centre[0]), place(centre[1])], 4);
      return [made.images, made.targets as Tensor];
    });
    for (const of of ["hard", "soft"] as const) {
      const [pixels, targets] = change(batch.images, batch[of]);
      if (kind === "CutMix") expect(await pixels?.data()).toEqual(Float32Array.from(want.out));
      // lambda a + (1 - lambda) b in f32, rounded once more or less.
      await near(pixels as Tensor, want.out, 2e-7);
      await near(targets as Tensor, want[of], 2e-7);
    }
  });
});

const names: Record<string, (typeof operations)[number]> = {
  AutoContrast: "autoContrast",
  ...Object.fromEntries(operations.map((name) => [name[0]?.toUpperCase() + name.slice(1), name])),
};

describe("policies", () => {
  const spaces = { rand: randAugmentSpace(height, width), trivial: trivialAugmentSpace };
  const choosers = Object.fromEntries(
    Object.entries(spaces).map(([kind, space]) => [
      kind,
      jit(
        (images: Tensor, operation: Tensor, part: Tensor, sign: Tensor) =>
          applyChoice({ images }, { operation, part, sign }, space, { interpolation: "nearest" }).images,
      ),
    ]),
  );
  it.each(golden.policies)("$kind $name $sign", async ({ kind, name, part, sign, out }) => {
    const operation = operations.indexOf(names[name] as (typeof operations)[number]);
    const choose = choosers[kind] as (typeof choosers)[string];
    await near(choose(images(), whole(operation), all(part), all(sign)), out, 2e-5);
  });
});
