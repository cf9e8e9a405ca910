/** samples: what is kept of classes, images, masks, numbers and text; where; and what a damaged folder does to it. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Dataset, dataset } from "nabla/data";
import { Conv2d, crossEntropy, Flatten, Linear, mse, Sequential } from "nabla/nn";
import { adam } from "nabla/optim";
import {
  type Callback,
  checkpoint,
  readRun,
  runReport,
  type SamplesOptions,
  samples,
  Trainer,
  tensorBoard,
  track,
} from "nabla/train";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { fields, records, valuesOf } from "../../io/tfevents/decode.ts";
import { goBackOnce, make, rows, stopAt } from "../trainer-parts.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-samples-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const lines = (folder: string) =>
  readFileSync(join(folder, "samples.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** Pictures of 8 x 8 whose left or right half is bright. */
const pixels = (n: number): Float32Array =>
  Float32Array.from({ length: 64 * n }, (_, i) => Number(Math.floor(i / 64) % 2 === Math.floor((i % 8) / 4)));
const halves = (n: number): Dataset =>
  dataset({
    x: { data: pixels(n), shape: [n, 8, 8, 1] },
    y: Int32Array.from({ length: n }, (_, row) => row % 2),
  });

const classifier = (callbacks: Callback[]) =>
  new Trainer({
    model: new Sequential(new Flatten(), new Linear(64, 2)),
    loss: crossEntropy,
    optimizer: adam(0.05),
    callbacks,
  });

describe("samples", () => {
  it("keeps classes with their confidence and the rows' pictures, in lines, report and event files", async () => {
    const folder = join(dir, "classes");
    const shown = samples({
      data: halves(10),
      rows: [1, 4],
      classes: ["left", "<right>"],
      every: { steps: 3 },
    });
    const board = tensorBoard(join(folder, "tensorboard"));
    await classifier([shown, track(folder), board]).fit(halves(40), { epochs: 4, batchSize: 10 });
    const kept = lines(folder);
    expect(kept.map(({ step, epoch }) => [step, epoch])).toEqual([
      [3, 1],
      [6, 2],
      [9, 3],
      [12, 3],
      [15, 4],
    ]);
    const [first, second] = kept.at(-1).samples;
    expect(first).toMatchObject({
      row: 1,
      input: null,
      truth: "<right>",
      predicted: "<right>",
      right: true,
      pictures: { input: "samples/row-1.png" },
    });
    expect(second).toMatchObject({ row: 4, truth: "left", predicted: "left", right: true });
    expect(first.confidence).toBeGreaterThan(kept[0].samples[0].confidence);
    expect(readdirSync(join(folder, "samples")).sort()).toEqual(["row-1.png", "row-4.png"]);
    const { data, info } = await sharp(join(folder, "samples", "row-1.png"))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([8, 8]);
    expect([data[0], data[4 * info.channels]]).toEqual([0, 255]);

    const html = runReport(await readRun(folder));
    expect(html).toContain("<h2>Samples</h2>");
    expect(html).toContain("&lt;right&gt; (");
    expect(html.match(/alt="Row [14]"/g)).toHaveLength(2);

    const file = readdirSync(join(folder, "tensorboard"))[0] as string;
    const images = records(readFileSync(join(folder, "tensorboard", file))).flatMap((event) =>
      valuesOf(event).flatMap(({ tag, value }) => {
        const [image] = value[4] ?? [];
        return image === undefined ? [] : [{ step: fields(event)[2]?.[0], tag, image: fields(image) }];
      }),
    );
    expect(images.map(({ step, tag }) => [step, tag])).toEqual(
      kept.flatMap(({ step }) => [
        [step, "predictions/1"],
        [step, "predictions/4"],
      ]),
    );
    // The picture, twelvefold, and the bars: of the right class at the end nearly full, in green.
    const png = images.at(-2)?.image[4]?.[0] as Uint8Array;
    const whole = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    expect([whole.info.width, whole.info.height]).toEqual([96 + 4 + 96, 96]);
    const at = (x: number, y: number) => [...whole.data.subarray((y * 196 + x) * 3, (y * 196 + x) * 3 + 3)];
    expect(at(101, 70)).toEqual([0, 158, 115]);
    expect(at(190, 20)).toEqual([40, 40, 40]);
  });

  it("keeps images beside their truth, and masks of classes", async () => {
    const own = { data: pixels(12), shape: [12, 8, 8, 1] };
    const same = dataset({ x: own, y: own });
    const folder = join(dir, "images");
    const copier = new Trainer({
      model: new Conv2d(1, 1, 1),
      loss: mse,
      optimizer: adam(0.05),
      callbacks: [samples({ data: same, rows: 2, every: 2 }), track(folder)],
    });
    await copier.fit(same, { epochs: 4, batchSize: 4 });
    expect(lines(folder).map(({ epoch }) => epoch)).toEqual([2, 4]);
    expect(lines(folder)[1].samples[1]).toMatchObject({
      row: 1,
      truth: null,
      predicted: null,
      pictures: {
        input: "samples/row-1.png",
        truth: "samples/row-1-truth.png",
        predicted: "samples/step-12-row-1.png",
      },
    });
    const report = runReport(await readRun(folder));
    expect(report.match(/alt="Row \d: prediction at step \d+"/g)).toHaveLength(4);

    const mask = dataset({ x: own, y: { data: Int32Array.from(pixels(12)), shape: [12, 8, 8] } });
    const masks = join(dir, "masks");
    const segmenter = new Trainer({
      model: new Conv2d(1, 3, 1),
      loss: crossEntropy,
      optimizer: adam(0.3),
      callbacks: [samples({ data: mask, rows: 1, dir: masks, every: 20 })],
    });
    await segmenter.fit(mask, { epochs: 20, batchSize: 4 });
    const read = (name: string) =>
      sharp(join(masks, "samples", name))
        .toColourspace("b-w")
        .raw()
        .toBuffer();
    // Of classes 0 to 2: class 1 is grey; the model has learned to tell them by then.
    expect([...new Set(await read("row-0-truth.png"))]).toEqual([128, 0]);
    expect(await read("step-60-row-0.png")).toEqual(await read("row-0-truth.png"));
  });

  it("keeps numbers of tables and words of text", async () => {
    const folder = join(dir, "words");
    const words = ["a", "b", "c"];
    const text = samples({
      data: rows(5),
      rows: 2,
      input: (row) => `line <${row}>`,
      output: (values) => words[values.indexOf(Math.max(...values))] ?? "",
    });
    await make({ callbacks: [text, track(folder)] }).fit(rows(30), { epochs: 1 });
    const [sample] = lines(folder)[0].samples;
    expect(sample).toMatchObject({ row: 0, input: "line <0>", truth: "0", confidence: null, pictures: {} });
    expect(words).toContain(sample.predicted);
    expect(runReport(await readRun(folder))).toContain("line &lt;0&gt;");

    const table = join(dir, "table");
    await make({ callbacks: [samples({ data: rows(5), rows: 1, dir: table })] }).fit(rows(30), { epochs: 1 });
    expect(lines(table)[0].samples[0]).toMatchObject({ input: "0, 1.0000, 0, 0", truth: "0" });
  });

  it("changes nothing of the training, goes on after a resume and goes back with the run", async () => {
    const folder = join(dir, "resumed");
    const parts = () => [
      track(folder),
      checkpoint(join(folder, "checkpoint")),
      samples({ data: rows(4), every: { steps: 2 } }),
    ];
    const plain = make();
    await plain.fit(rows(96), { epochs: 3, batchSize: 20 });
    await make({ callbacks: [stopAt(7), ...parts()] }).fit(rows(96), { epochs: 3, batchSize: 20 });
    writeFileSync(
      join(folder, "samples.jsonl"),
      `${readFileSync(join(folder, "samples.jsonl"))}{"step": 8, "ep`,
    );
    const rest = make({ callbacks: parts() });
    await rest.resume(join(folder, "checkpoint"));
    await rest.fit(rows(96), { epochs: 3, batchSize: 20 });
    expect(lines(folder).map(({ step }) => step)).toEqual([2, 4, 6, 8, 10, 12, 14]);
    expect(rest.history).toEqual(plain.history);

    const back = join(dir, "back");
    const once = goBackOnce(5, 12);
    const shown = samples({ data: rows(4), every: { steps: 1 }, dir: back });
    await make({ callbacks: [once, shown] }).fit(rows(96), { epochs: 3, batchSize: 20 });
    expect(once.gone()).toBe(true);
    expect(lines(back).map(({ step }) => step)).toEqual(Array.from({ length: 15 }, (_, at) => at + 1));
  });

  it.each<[string, string]>([
    ["leads out of the folder", "../../secret.png"],
    ["is not there", "samples/none.png"],
  ])("a report does without a picture whose name %s", async (_, name) => {
    const folder = join(dir, "classes");
    const text = readFileSync(join(folder, "samples.jsonl"), "utf8");
    writeFileSync(join(folder, "samples.jsonl"), text.replaceAll("samples/row-1.png", name));
    const run = await readRun(folder);
    const html = runReport(run);
    if (name.startsWith("..")) expect(run.problems.join()).toMatch(/samples\.jsonl: 5 lines are damaged/);
    else expect(html).toContain("(its picture is not there)");
    expect(html).not.toContain("secret");
    writeFileSync(join(folder, "samples.jsonl"), text);
  });

  it.each<[Partial<SamplesOptions>, string]>([
    [{ rows: 0 }, "samples: rows must be a whole number of at least 1; got 0."],
    [{ rows: [5] }, "samples: rows must be whole numbers in [0, 5); got 5."],
    [{ rows: [] }, "samples: rows must be a number, or a list of 1 to 64 of them."],
    [{ every: { steps: 0 } }, "samples: every.steps must be a whole number of at least 1; got 0."],
  ])("refuses %o", (options, text) => {
    expect(() => samples({ data: rows(5), ...options })).toThrow(text);
  });

  it("wants a folder, and tells of one that cannot be written", async () => {
    await expect(
      make({ callbacks: [samples({ data: rows(5) })] }).fit(rows(30), { epochs: 1 }),
    ).rejects.toThrow("samples: there must be a folder to keep them in. Give { dir }, or list track(");
    const heard: unknown[] = [];
    const folder = join(dir, "broken");
    const spoil: Callback = {
      epochStart: () => {
        if (existsSync(join(folder, "samples"))) rmSync(folder, { recursive: true });
      },
    };
    const own = { data: pixels(4), shape: [4, 8, 8, 1] };
    const shown = samples({
      data: dataset({ x: own, y: [0, 1, 0, 1] }),
      dir: folder,
      onFailure: (error) => heard.push(error),
    });
    await classifier([spoil, shown]).fit(halves(40), { epochs: 3 });
    expect(heard.length).toBeGreaterThan(0);
  });
});
