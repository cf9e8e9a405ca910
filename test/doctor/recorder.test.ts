/** telemetry.jsonl, and the callback that watches a run. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { doctor, type Finding, judge, noEvidence, readTelemetry, telemetryRecorder } from "nabla/doctor";
import { sgd } from "nabla/optim";
import type { Telemetry } from "nabla/train";
import { afterEach, describe, expect, it } from "vitest";
import { make, rows } from "../train/trainer-parts.ts";

const folders: string[] = [];
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), "nabla-doctor-"));
  folders.push(made);
  return made;
};
afterEach(() => {
  for (const one of folders.splice(0)) rmSync(one, { recursive: true, force: true });
});

describe("telemetry.jsonl", () => {
  it("holds what callbacks heard, after a resume too", async () => {
    const run = folder();
    const heard: Telemetry[] = [];
    const callbacks = [
      telemetryRecorder(run),
      { telemetry: (event: { telemetry: Telemetry }) => void heard.push(event.telemetry) },
    ];
    const trainer = make({ callbacks, telemetry: { every: 3 } });
    await trainer.fit(rows(64), { epochs: 2, batchSize: 8 });
    await trainer.save(join(run, "checkpoint"));
    expect(await readTelemetry(run)).toEqual(heard);
    // What the run before wrote past its checkpoint is taken again.
    appendFileSync(join(run, "telemetry.jsonl"), `${JSON.stringify({ ...heard[0], step: 17 })}\n`);
    const next = make({ callbacks, telemetry: { every: 3 } });
    await next.resume(join(run, "checkpoint"));
    await next.fit(rows(64), { epochs: 3, batchSize: 8 });
    expect((await readTelemetry(run)).map(({ step }) => step)).toEqual([0, 3, 6, 9, 12, 15, 18, 21]);
    expect(await readTelemetry(run)).toEqual(heard);
  });

  it("is read but for the lines that are damaged, which are counted", async () => {
    const run = folder();
    expect(await readTelemetry(run)).toEqual([]);
    await make({ callbacks: [telemetryRecorder(run)], telemetry: { every: 3 } }).fit(rows(64), {
      epochs: 1,
      batchSize: 8,
    });
    const path = join(run, "telemetry.jsonl");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.slice(0, -20));
    expect((await readTelemetry(run)).map(({ step }) => step)).toEqual([0, 3]);
    writeFileSync(path, text.replace('"step":3', '"step":"x"'));
    const damaged: number[] = [];
    const read = await readTelemetry(run, (lines) => damaged.push(lines));
    expect(read.map(({ step }) => step)).toEqual([0, 6]);
    expect(damaged).toEqual([1]);
  });

  it("keeps numbers that are none", async () => {
    const run = folder();
    const trainer = make({
      optimizer: sgd(1e30),
      callbacks: [telemetryRecorder(run)],
      telemetry: { every: 1 },
    });
    await expect(trainer.fit(rows(64), { epochs: 4, batchSize: 8 })).rejects.toThrow("must stay finite");
    const last = (await readTelemetry(run)).at(-1);
    expect(last?.loss).toBeNaN();
  });

  it("that cannot be written does not end a run", async () => {
    const errors: unknown[] = [];
    const recorder = telemetryRecorder(join(folder(), "not", "there"), {
      onFailure: (error) => errors.push(error),
    });
    await make({ callbacks: [recorder] }).fit(rows(64), { epochs: 1, batchSize: 8 });
    expect(errors).toHaveLength(1);
  });
});

describe("the callback", () => {
  it("tells each finding once, and leaves the run's error alone", async () => {
    const told: Finding[] = [];
    const watching = doctor({ onFinding: (finding) => void told.push(finding) });
    const trainer = make({ optimizer: sgd(1e20), callbacks: [watching], telemetry: { every: 1 } });
    await expect(trainer.fit(rows(320), { epochs: 3, batchSize: 16 })).rejects.toThrow("must stay finite");
    expect(told.map(({ id }) => id)).toContain("learning-rate-too-high");
    expect(new Set(told.map(({ id }) => id)).size).toBe(told.length);
  });

  it("says nothing of a sound run, and changes nothing", async () => {
    const told: Finding[] = [];
    const run = async (watched: boolean) => {
      const callbacks = watched ? [doctor({ onFinding: (finding) => void told.push(finding) })] : [];
      const trainer = make({ callbacks });
      const { history } = await trainer.fit(rows(320), { epochs: 5, batchSize: 16 });
      return history;
    };
    expect(await run(true)).toEqual(await run(false));
    expect(told).toEqual([]);
  });
});

it("without evidence nothing is found", () => {
  expect(judge(noEvidence)).toEqual([]);
});
