/** What is drawn: ranges and probabilities, each sample alone, identities bit by bit, and schedules. */
import { arange, jit, random, type Tensor, tensor } from "nabla";
import {
  type Augmentation,
  affine,
  augment,
  autocontrast,
  brightness,
  colorJitter,
  compose,
  cutout,
  equalize,
  erase,
  gaussianBlur,
  gaussianNoise,
  grayscale,
  horizontalFlip,
  hue,
  invert,
  posterize,
  randAugment,
  randomCrop,
  randomResizedCrop,
  rotate,
  saturation,
  scale,
  sharpness,
  shear,
  solarize,
  translate,
  trivialAugment,
  verticalFlip,
} from "nabla/data";
import { describe, expect, it } from "vitest";

const size = [6, 8, 7, 3];
const pictures = () => random.uniform(random.key(3), size);
const run = (one: Augmentation, images: Tensor, seed = 0, step = 0): Promise<ArrayLike<number>> =>
  jit((x: Tensor, key: Tensor, at: Tensor) => augment([one]).apply({ images: x }, { key, step: at }).images)(
    images,
    random.key(seed),
    tensor(step, { dtype: "i32" }),
  ).data();

const every: readonly Augmentation[] = [
  horizontalFlip(),
  verticalFlip(),
  rotate(30),
  scale([0.5, 1.5]),
  translate(0.3),
  shear(20),
  affine({ rotate: 20, scale: 0.2, translate: 0.1, shear: 5, probability: 0.7, interpolation: "nearest" }),
  randomCrop({ padding: 2 }),
  randomResizedCrop(),
  brightness(0.4),
  saturation(0.4),
  hue(0.2),
  grayscale({ probability: 0.5 }),
  colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 }),
  erase(),
  cutout(),
  gaussianBlur(),
  gaussianNoise(0.1),
  sharpness(1),
  invert(),
  posterize(3),
  solarize(0.5),
  autocontrast(),
  equalize(),
  randAugment(),
  trivialAugment(),
];

describe.each(every)("$name", (one) => {
  it("changes something, and each sample whatever the others are", async () => {
    const x = pictures();
    const whole = await run(one, x, 5);
    expect(whole).not.toEqual(await x.data());
    const others = x.mul(0.3).add(0.1);
    const last = arange(6).eq(4).reshape([6, 1, 1, 1]);
    const mixed = await run(
      one,
      last.astype("f32").mul(x).add(last.logicalNot().astype("f32").mul(others)),
      5,
    );
    const each = whole.length / 6;
    const part = (all: ArrayLike<number>) => Array.from(all).slice(4 * each, 5 * each);
    expect(part(mixed)).toEqual(part(whole));
  });
});

describe("identity", () => {
  const none: readonly Augmentation[] = [
    affine({}),
    affine({ rotate: 20, shear: 10, scale: 0.3, translate: 0.5, probability: 0 }),
    rotate(0),
    rotate([0, 0]),
    horizontalFlip({ probability: 0 }),
    randomCrop({}),
    randomResizedCrop({ scale: [1, 1], ratio: [7 / 8, 7 / 8] }),
    brightness([1, 1]),
    saturation([1, 1]),
    hue([0, 0]),
    colorJitter({}),
    sharpness([1, 1]),
    gaussianNoise(0),
    erase({ probability: 0 }),
    ...[invert, autocontrast, equalize, grayscale].map((one) => one({ probability: 0 })),
  ];
  it.each(none)("$name has the same bits", async (one) => {
    expect(await run(one, pictures())).toEqual(await pictures().data());
  });

  it("two flips in one resampling are none", async () => {
    const twice = compose(horizontalFlip({ probability: 1 }), horizontalFlip({ probability: 1 }));
    expect(await run(twice, pictures())).toEqual(await pictures().data());
  });
});

describe("composition", () => {
  it("a turn and its opposite resample once: inner pixels come back", async () => {
    const there = compose(rotate([30, 30]), rotate([-30, -30]));
    const [got, want] = [await run(there, pictures()), await pictures().data()];
    for (const [i, value] of Array.from(want).entries()) expect(got[i]).toBeCloseTo(value, 4);
  });

  it("is what one after the other gives where pixels fall onto pixels", async () => {
    const key = random.key(2);
    const range = [0, 1] as const;
    const [flip, crop] = [horizontalFlip(), randomCrop({ padding: 2 })];
    const keyAt = (i: number) => ({ key: random.foldIn(key, i), range });
    const once = compose(flip, crop).apply({ images: pictures() }, { key, range });
    const images = crop.apply(flip.apply({ images: pictures() }, keyAt(0)), keyAt(1)).images;
    expect(await once.images.data()).toEqual(await images.data());
  });
});

describe("statistics", () => {
  const many = 4096;
  const ones = () => tensor(1).broadcastTo([many, 4, 4, 1]);
  const means = async (
    one: Augmentation,
    images = ones(),
    range: readonly [number, number] = [0, 1],
    step = 0,
  ) =>
    Array.from(
      await augment([one], { range })
        .apply({ images }, { key: random.key(1), step: tensor(step, { dtype: "i32" }) })
        .images.mean([1, 2, 3])
        .data(),
    );
  const share = (values: readonly number[], holds: (v: number) => boolean) =>
    values.filter(holds).length / values.length;
  const bound = (p: number) => 4 * Math.sqrt((p * (1 - p)) / many);

  it.each([0.1, 0.5, 0.9])("probability %d", async (probability) => {
    const inverted = share(await means(invert({ probability })), (v) => v === 0);
    expect(Math.abs(inverted - probability)).toBeLessThan(bound(probability));
  });

  it("factors are uniform in their range", async () => {
    const factors = await means(brightness([0.25, 0.75]));
    expect(Math.min(...factors)).toBeGreaterThanOrEqual(0.25);
    expect(Math.max(...factors)).toBeLessThanOrEqual(0.75);
    expect(Math.abs(share(factors, (v) => v < 0.35) - 0.2)).toBeLessThan(bound(0.2));
  });

  it("crops come from every place alike", async () => {
    const images = arange(36).astype("f32").reshape([1, 6, 6, 1]).broadcastTo([many, 6, 6, 1]);
    const corner = await randomCrop({ size: 4 })
      .apply({ images }, { key: random.key(4), range: [0, 1] })
      .images.slice([], [0, 1], [0, 1], [])
      .data();
    for (const place of [0, 1, 2, 6, 7, 8, 12, 13, 14]) {
      expect(Math.abs(share(Array.from(corner), (v) => v === place) - 1 / 9)).toBeLessThan(bound(1 / 9));
    }
  });

  it("erased areas lie in their range", async () => {
    const images = tensor(1).broadcastTo([512, 32, 32, 1]);
    const erased = (await means(erase({ probability: 1, scale: [0.1, 0.3] }), images)).map((v) => 1 - v);
    expect(Math.min(...erased)).toBeGreaterThan(0.08);
    expect(Math.max(...erased)).toBeLessThan(0.33);
    expect(erased.reduce((a, b) => a + b) / 512).toBeCloseTo(0.2, 1);
  });

  it("noise has its deviation, and pixel ranges are kept to", async () => {
    const grey = tensor(10).broadcastTo([64, 16, 16, 1]);
    const noisy = augment([gaussianNoise(0.05)], { range: [0, 20] }).apply(
      { images: grey },
      { key: random.key(0) },
    ).images;
    const values = Array.from(await noisy.data());
    const mean = values.reduce((a, b) => a + b) / values.length;
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
    expect(mean).toBeCloseTo(10, 1);
    expect(deviation).toBeCloseTo(1, 1);
  });

  it("strengths follow a schedule of the step", async () => {
    const growing = brightness((step) => step.astype("f32").div(100));
    expect(new Set(await means(growing)).size).toBe(1);
    const late = await means(growing, tensor(0.5).broadcastTo([many, 4, 4, 1]), [0, 1], 50);
    expect(Math.min(...late)).toBeLessThan(0.26);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0.25);
  });
});

describe("errors", () => {
  it.each<[() => unknown, RegExp]>([
    [() => rotate(-3), /rotate: rotate must be in \[0, 360\]/],
    [() => brightness([2, 1]), /the smaller end first; got \[2,1\]/],
    [() => horizontalFlip({ probability: 2 }), /probability must be from 0 to 1; got 2/],
    [() => randomCrop({ padding: 0.5 }), /padding must be a whole number/],
    [() => gaussianBlur({ size: 4 }), /size must be an odd/],
    [() => randAugment({ magnitude: 31 }), /magnitude must be a whole number from 0 to 30/],
    [() => augment([], { range: [1, 0] }), /black below white/],
    [
      () => augment([invert()]).apply({ images: tensor([1]) }, { key: random.key(0) }),
      /images must be f32 \[batch, height, width, channels\]/,
    ],
    [
      () =>
        augment([brightness((s) => s.astype("f32"))]).apply({ images: pictures() }, { key: random.key(0) }),
      /the step must be given/,
    ],
    [
      () => augment([invert()], { shape: [2, 2, 1] }).batch(pictures(), tensor([0]), { key: random.key(0) }),
      /as many numbers as a sample/,
    ],
  ])("%s", (make, text) => {
    expect(make).toThrow(text);
  });
});
