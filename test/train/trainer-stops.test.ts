/** Runs that stop, are saved and go on. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dropout, Linear, relu, Sequential } from "nabla/nn";
import { sgd } from "nabla/optim";
import { type Callback, checkpoint } from "nabla/train";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { CheckpointWriter, FileError } from "../../src/io/index.ts";
import { Chunks } from "../../src/train/chunks.ts";
import { DataError } from "../../src/util/index.ts";
import { exact, make, rows, stateOf, values } from "./trainer-parts.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-train-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

describe("a run that stops", () => {
  const model = () => new Sequential(new Linear(4, 8), relu, dropout(0.3), new Linear(8, 3));
  const options = { epochs: 4, batchSize: 8, validation: rows(20) };

  /** Ends the run after `steps` steps, in the middle of an epoch. */
  const stopAfter = (steps: number): Callback => ({
    stepEnd: ({ position }, run) => {
      if (position.step >= steps) run.stop("test");
    },
  });

  it.skipIf(!exact).each([1, 7, 13, 26])("after %i steps resumes to the same bits", async (steps) => {
    vi.spyOn(Chunks.prototype, "next").mockReturnValue(1);
    const whole = make({ model: model(), callbacks: [checkpoint(join(dir, `whole-${steps}`))] });
    await whole.fit(rows(100), options);

    const folder = join(dir, `part-${steps}`);
    const first = make({ model: model(), callbacks: [stopAfter(steps), checkpoint(folder)] });
    expect((await first.fit(rows(100), options)).reason).toBe("test");
    expect(first.position.step).toBe(steps);

    const second = make({ model: model(), callbacks: [checkpoint(folder)] });
    await second.resume(folder);
    expect(second.position).toEqual(first.position);
    await second.fit(rows(100), options);
    expect(second.history).toEqual(whole.history);
    expect(stateOf(folder)).toEqual(stateOf(join(dir, `whole-${steps}`)));
  });

  it("refuses to go on within an epoch with other batches", async () => {
    vi.spyOn(Chunks.prototype, "next").mockReturnValue(1);
    const folder = join(dir, "other");
    await make({ callbacks: [stopAfter(3), checkpoint(folder)] }).fit(rows(100), options);
    const trainer = make();
    await trainer.resume(folder);
    await expect(trainer.fit(rows(100), { ...options, batchSize: 16 })).rejects.toThrow(
      "the resumed run stopped within epoch 1 with batchSize 8; got 16. Go on with the same.",
    );
  });

  it("loads the parameters alone", async () => {
    const trainer = make();
    await trainer.fit(rows(50), { epochs: 2 });
    await trainer.save(join(dir, "load"));
    const other = make({ optimizer: sgd(1) });
    await other.load(join(dir, "load"));
    expect(await values(other)).toEqual(await values(trainer));
    expect(other.position.epoch).toBe(0);
    await expect(make({ model: new Linear(4, 3) }).load(join(dir, "load"))).rejects.toThrow(
      "holds no params/bias",
    );
    await expect(make({ optimizer: sgd(1) }).resume(join(dir, "load"))).rejects.toThrow(DataError);
  });
});

describe("checkpoint", () => {
  it("goes on training when a save fails, and tries again", async () => {
    const heard: string[] = [];
    const folder = join(dir, "retry");
    const callback = checkpoint(folder, { minSeconds: 0, onFailure: (error) => heard.push(error.message) });
    const trainer = make({ callbacks: [callback] });
    const full = () => Promise.reject(new FileError("the disk is full", "ENOSPC"));
    const save = vi.spyOn(CheckpointWriter.prototype, "save");
    save.mockImplementationOnce(async () => ({ written: full() }));
    await trainer.fit(rows(30), { epochs: 2 });
    expect(heard).toEqual(["the disk is full"]);
    expect(readdirSync(folder)).toHaveLength(2);
    save.mockImplementation(async () => ({ written: full() }));
    await expect(trainer.fit(rows(30), { epochs: 1 })).rejects.toThrow("the disk is full");
    expect(readdirSync(folder)).toHaveLength(2);
  });
});
