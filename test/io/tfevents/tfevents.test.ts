/** Event files: the bytes that TensorBoard's own writer writes, and what an independent reader finds in those of a training. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dataset } from "nabla/data";
import { Conv2d, crossEntropy, Flatten, Linear, relu, Sequential } from "nabla/nn";
import { sgd } from "nabla/optim";
import { type Callback, Trainer, tensorBoard } from "nabla/train";
import { afterAll, describe, expect, it } from "vitest";
import { crc32c } from "../../../src/io/tfevents/crc32c.ts";
import { histogramOf } from "../../../src/io/tfevents/histogram.ts";
import {
  EventWriter,
  encodeEvent,
  hparamsEnd,
  hparamsExperiment,
  hparamsStart,
} from "../../../src/io/tfevents/index.ts";
import { frame } from "../../../src/io/tfevents/record.ts";
import { make, rows } from "../../train/trainer-parts.ts";
import { doubles, fields, records, text, valuesOf } from "./decode.ts";

const root = mkdtempSync(join(tmpdir(), "nabla-events-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const events = (dir: string): Uint8Array[] =>
  readdirSync(join(root, dir))
    .sort()
    .flatMap((name) => records(readFileSync(join(root, dir, name))));
const stepOf = (event: Uint8Array) => (fields(event)[2]?.[0] as number | undefined) ?? 0;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("an event file", () => {
  const golden = records(
    Buffer.from(
      JSON.parse(readFileSync(new URL("goldens/golden.json", import.meta.url), "utf8")).records,
      "hex",
    ),
  );

  it("has the checksum of RFC 3720", () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa); // of appendix B.4
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  });

  it("has TensorBoard's own bytes: scalars, images, restarts, hyper-parameters", () => {
    const png = Buffer.from("89504e470d0a1a0a", "hex");
    const image = { width: 300, height: 2, channels: 3, png };
    const hparams = { rate: 0.1, kind: "a", flag: true };
    const own = [
      encodeEvent(1.5, 3, { values: [{ tag: "train/loss", scalar: 0.25 }] }),
      encodeEvent(2.5, 2 ** 40, { values: [{ tag: "image", image }] }),
      null, // its buckets are others
      encodeEvent(4, 7, { restart: true }),
      ...[
        { tag: "_hparams_/experiment", hparams: hparamsExperiment(hparams, ["validation/loss"], 5) },
        { tag: "_hparams_/session_start_info", hparams: hparamsStart({ rate: 0.5 }, 5) },
        { tag: "_hparams_/session_end_info", hparams: hparamsEnd(true, 6) },
      ].map((value) => encodeEvent(5, 0, { values: [value] })),
    ];
    expect(golden).toHaveLength(own.length);
    for (const [at, bytes] of own.entries()) {
      if (bytes === null) continue;
      expect(hex(bytes), `event ${at}`).toBe(hex(golden[at] as Uint8Array));
      expect(records(frame(bytes)).map(hex)).toEqual([hex(bytes)]);
    }
  });

  it("has histograms in the fields where TensorBoard has them", () => {
    const of = (event: Uint8Array | undefined) => fields(valuesOf(event as Uint8Array)[0]?.value[5]?.[0]);
    const theirs = of(golden[2]);
    expect([theirs[6], theirs[7]].map((list) => doubles(list?.[0]))).toEqual([
      [0, 1],
      [1, 2],
    ]);
    const histogram = Float32Array.of(-1, 0.5, 1, Number.NaN, Number.POSITIVE_INFINITY);
    const own = of(encodeEvent(3, 300, { values: [{ tag: "histo", histogram }] }));
    expect([1, 2, 3, 4, 5].map((number) => own[number]?.[0])).toEqual([-1, 1, 3, 0.5, 2.25]);
    expect([1, 2, 3, 4, 5].map((number) => own[number]?.[0])).toEqual(
      [1, 2, 3, 4, 5].map((number) => theirs[number]?.[0]),
    );
    const counts = doubles(own[7]?.[0]);
    const limits = doubles(own[6]?.[0]);
    expect(limits).toHaveLength(counts.length);
    expect(limits.at(-1)).toBe(1);
    expect(counts.reduce((sum, count) => sum + count)).toBe(3);
    expect(counts[limits.findIndex((limit) => limit >= 0.5)]).toBe(1);
  });

  it("counts each value once, whatever they are", () => {
    for (const values of [[], [2, 2, 2], [Number.NaN], [-3e38, 3e38], [0, 1e-30], [1, 2, 3, 4, 5]]) {
      const { counts, limits, count, max } = histogramOf(Float32Array.from(values));
      expect(counts.reduce((sum, one) => sum + one, 0)).toBe(count);
      expect(limits.every((limit, at) => at === 0 || limit > (limits[at - 1] as number))).toBe(true);
      expect(limits.at(-1)).toBe(max);
    }
  });
});

describe("tensorBoard", () => {
  it("writes scalars of steps and epochs, histograms and hyper-parameters", async () => {
    const board = tensorBoard(join(root, "run"), { every: 1, hparams: { width: 8, name: "x" } });
    const trainer = make({ callbacks: [board] });
    await trainer.fit(rows(96), { epochs: 3, batchSize: 20, validation: rows(32) });
    const [first, ...rest] = events("run");
    expect(text(fields(first)[3]?.[0])).toBe("brain.Event:2");
    const all = rest.flatMap((event) => valuesOf(event).map((value) => ({ ...value, step: stepOf(event) })));
    const scalars = (wanted: string) =>
      all.filter(({ tag }) => tag === wanted).map(({ step, value }) => [step, value[2]?.[0]]);
    for (const part of ["train", "validation"] as const) {
      for (const name of ["loss", "accuracy"]) {
        expect(scalars(`${part}/${name}`)).toEqual(
          trainer.history.map((record) => [record.step, Math.fround(record[part]?.[name] as number)]),
        );
      }
    }
    expect(scalars("hyperparameters/learningRate").at(-1)).toEqual([15, Math.fround(0.01)]);
    expect(scalars("steps/loss").at(-1)?.[0]).toBe(15);
    const histograms = all.filter(({ tag }) => tag === "weights/layers/0/weight");
    expect(histograms.map(({ step }) => step)).toEqual([5, 10, 15]);
    expect(fields(histograms[0]?.value[5]?.[0])[3]).toEqual([4 * 8]);
    const plugin = (tag: string) => {
      const metadata = fields(all.find((value) => value.tag === tag)?.value[9]?.[0]);
      const data = fields(metadata[1]?.[0]);
      expect(text(data[1]?.[0])).toBe("hparams");
      return fields(data[2]?.[0]);
    };
    const start = fields(plugin("_hparams_/session_start_info")[3]?.[0]);
    const settings = Object.fromEntries(
      (start[1] ?? []).map((entry) => {
        const { 1: name, 2: value } = fields(entry);
        const [[kind, [content]] = ["", [0]]] = Object.entries(fields(value?.[0]));
        return [text(name?.[0]), kind === "3" ? text(content) : content];
      }),
    );
    expect(settings).toMatchObject({ epochs: 3, batchSize: 20, learningRate: 0.01, width: 8, name: "x" });
    expect(fields(plugin("_hparams_/session_end_info")[4]?.[0])[1]).toEqual([1]);
  });

  it("shows images and the filters of a first convolution", async () => {
    const x = Float32Array.from({ length: 12 * 8 * 6 * 3 }, (_, i) => Math.sin(i));
    const data = dataset({
      x: { data: x, shape: [12, 8, 6, 3] },
      y: Int32Array.from({ length: 12 }, (_, i) => i % 2),
    });
    const trainer = new Trainer({
      model: new Sequential(new Conv2d(3, 5, 3), relu, new Flatten(), new Linear(6 * 4 * 5, 2)),
      loss: crossEntropy,
      optimizer: sgd(0.01),
      callbacks: [tensorBoard(join(root, "images"), { samples: data })],
    });
    await trainer.fit(data, { epochs: 1, batchSize: 6 });
    const images = events("images")
      .flatMap(valuesOf)
      .filter(({ value }) => value[4] !== undefined);
    expect(images.map(({ tag }) => tag)).toEqual([
      ...Array.from({ length: 8 }, (_, row) => `samples/${row}`),
      "filters/layers/0/weight",
    ]);
    const sizes = images
      .map(({ value }) => fields(value[4]?.[0]))
      .map((image) => [image[1], image[2], image[3]]);
    expect(sizes[0]).toEqual([[8], [6], [3]]);
    expect(sizes[8]).toEqual([[2 * 4 - 1], [3 * 4 - 1], [3]]); // 5 filters of 3 x 3, with lines between them
    const { default: sharp } = await import("sharp");
    const png = fields(images[0]?.value[4]?.[0])[4]?.[0] as Uint8Array;
    const pixels = await sharp(png).raw().toBuffer();
    const row = x.subarray(0, 8 * 6 * 3);
    const [low, high] = [Math.min(...row), Math.max(...row)];
    expect([...pixels]).toEqual(Array.from(row, (value) => Math.round(((value - low) * 255) / (high - low))));
  });

  it("begins a file that voids later steps when it goes on", async () => {
    const first = make({ callbacks: [tensorBoard(join(root, "again"))] });
    await first.fit(rows(96), { epochs: 2, batchSize: 20 });
    await first.save(join(root, "saved"));
    const second = make({ callbacks: [tensorBoard(join(root, "more"))] });
    await second.resume(join(root, "saved"));
    await second.fit(rows(96), { epochs: 3, batchSize: 20 });
    const restart = events("more")[1];
    expect([stepOf(restart as Uint8Array), fields(fields(restart)[7]?.[0])[1]]).toEqual([11, [1]]);
  });

  it("says that a run failed", async () => {
    const broken: Callback = {
      epochEnd: () => {
        throw new Error("no more");
      },
    };
    const failing = make({ callbacks: [tensorBoard(join(root, "failed")), broken] });
    await expect(failing.fit(rows(96), { epochs: 2 })).rejects.toThrow("no more");
    const end = events("failed").flatMap(valuesOf).at(-1);
    const data = fields(fields(fields(end?.value[9]?.[0])[1]?.[0])[2]?.[0]);
    expect([end?.tag, fields(data[4]?.[0])[1]]).toEqual(["_hparams_/session_end_info", [2]]);
  });

  it("begins another file after one that could not be written to its end", async () => {
    const dir = join(root, "moved");
    const writer = new EventWriter(dir);
    writer.add(1, [{ tag: "a", scalar: 1 }]);
    const refused = writer.path;
    mkdirSync(refused, { recursive: true });
    await expect(writer.flush()).rejects.toThrow(`${refused}: cannot write: it is a folder`);
    rmSync(refused, { recursive: true });
    writer.add(2, [{ tag: "a", scalar: 2 }]);
    await writer.flush();
    expect(writer.path).not.toBe(refused);
    const [first, ...rest] = events("moved");
    expect(text(fields(first)[3]?.[0])).toBe("brain.Event:2");
    expect(rest.flatMap((event) => valuesOf(event).map(({ value }) => value[2]))).toEqual([[1], [2]]);
  });

  it("refuses options that do not exist or mean nothing", () => {
    expect(() => tensorBoard("x", { every: 1, ...{ evry: 1 } })).toThrow('no option "evry"');
    expect(() => tensorBoard("x", { histograms: 0 })).toThrow("histograms must");
    expect(() => tensorBoard("x", { every: 0 })).toThrow("every must");
  });
});
