/** Checkpoints beside each other: which stay, and that the newest whole one is taken. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkpoint } from "nabla/train";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { loadCheckpoint, saveCheckpoint } from "../../src/io/index.ts";
import { Chunks } from "../../src/train/chunks.ts";
import { keeping } from "../../src/train/keep.ts";
import { make, rows } from "./trainer-parts.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-rotation-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

interface Found {
  readonly file: string;
  readonly data: { readonly position: { readonly epoch: number; readonly step: number } };
}
/** Manifests by number, oldest first. */
const found = (folder: string): Found[] =>
  readdirSync(folder)
    .filter((name) => /^manifest-\d+\.json$/.test(name))
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
const options = { batchSize: 8, validation: rows(20, 0.3) };

describe("checkpoint with keep", () => {
  it("keeps the last and the best, and the states of those alone", async () => {
    const folder = join(dir, "keep");
    const callback = checkpoint(folder, {
      every: { epochs: 1 },
      keep: { last: 3, best: 1 },
      monitor: "validation.loss",
      mode: "max", // the first epoch, since the loss falls
    });
    await make({ callbacks: [callback] }).fit(rows(60), { ...options, epochs: 6 });
    const epochs = found(folder).map(({ data }) => data.position.epoch);
    expect(epochs.slice(1)).toEqual([5, 6, 6]); // the run's end saves too
    expect(epochs[0]).toBe(1);
    const states = new Set(found(folder).map(({ file }) => file));
    expect(readdirSync(folder).filter((name) => name.endsWith(".safetensors"))).toEqual([...states].sort());
  });

  it("saves every so many steps", async () => {
    vi.spyOn(Chunks.prototype, "next").mockReturnValue(1);
    const folder = join(dir, "steps");
    const callback = checkpoint(folder, { every: { steps: 3 }, keep: { last: 100 } });
    await make({ callbacks: [callback] }).fit(rows(40), { ...options, epochs: 2 });
    expect(found(folder).map(({ data }) => data.position.step)).toEqual([3, 6, 9, 10]);
  });

  it.each(["epoch", "seconds"])("refuses what it does not know: %s", (name) => {
    const every = JSON.parse(`{ "${name}": -1 }`);
    expect(() => checkpoint("x", { every })).toThrow(
      name === "epoch"
        ? 'there is no option "epoch". Did you mean "epochs"?'
        : "every.seconds must be at least 0",
    );
  });

  it("of equally good ones keeps the earlier", () => {
    const scores = { loss: 1 };
    const one = (number: number, batch: number) => ({
      number,
      manifest: {
        format: "nabla-checkpoint" as const,
        version: 1 as const,
        file: "",
        bytes: 0,
        sha256: "",
        data: {
          position: { epoch: number, batch, row: 0, step: number },
          history: [{ epoch: number, step: number, train: scores, validation: scores }],
          run: null,
        },
      },
    });
    const saved = [one(1, 2), one(2, 0), one(3, 0), one(4, 1)];
    const numbers = keeping(
      { last: 1, best: 1 },
      "validation.loss",
      "min",
    )(saved).map(({ number }) => number);
    expect(numbers).toEqual([4, 2]);
  });
});

describe("a damaged checkpoint", () => {
  const folder = join(dir, "damaged");
  const save = async () => {
    rmSync(folder, { recursive: true, force: true });
    await make({
      callbacks: [checkpoint(folder, { every: { epochs: 1 }, keep: { last: 3 } })],
    }).fit(rows(40), { ...options, epochs: 3 });
  };

  it.each([
    ["state", "truncated"],
    ["manifest", "must be JSON"],
  ])("whose %s is cut is passed over with a warning", async (part, why) => {
    await save();
    const last = found(folder).at(-1) as Found;
    const names = readdirSync(folder).filter((name) => /^manifest/.test(name));
    if (part === "state") truncateSync(join(folder, last.file), 100);
    else truncateSync(join(folder, names.filter((name) => /\d/.test(name)).at(-1) as string), 50);
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const trainer = make();
    await trainer.resume(folder);
    expect(trainer.position.epoch).toBe(part === "state" ? 2 : 3); // the end's state is the third epoch's
    expect(warned).toHaveBeenCalledOnce();
    expect(String(warned.mock.calls[0]?.[0])).toContain(why);
    expect(String(warned.mock.calls[0]?.[0])).toMatch(
      /manifest-\d+\.json of before it is whole and taken instead\.$/,
    );
  });

  it("is an error where all are, and a save that only wrote the number counts", async () => {
    await save();
    for (const name of readdirSync(folder))
      if (name.startsWith("manifest-")) writeFileSync(join(folder, name), "{");
    writeFileSync(join(folder, "manifest.json"), "{");
    await expect(loadCheckpoint(folder)).rejects.toThrow("must be JSON");
    await save();
    // Killed between the two manifests: the newest number decides.
    const old = readFileSync(
      join(folder, readdirSync(folder).find((name) => /^manifest-/.test(name)) as string),
    );
    writeFileSync(join(folder, "manifest.json"), old);
    expect((await loadCheckpoint(folder)).manifest.data).toMatchObject({ position: { epoch: 3 } });
    await saveCheckpoint(folder, {}, { last: true });
    expect((await loadCheckpoint(folder)).manifest.data).toEqual({ last: true });
    expect(found(folder)).toHaveLength(1);
  });
});
