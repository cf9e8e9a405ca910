/** stepBudget and timeBudget: runs that end at exactly so many steps, or after so much time, also where they are resumed. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loader } from "nabla/data";
import { type Callback, checkpoint, stepBudget, timeBudget } from "nabla/train";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { parseDuration } from "../../../src/util/index.ts";
import { exact, make, rows, stateOf, stopAt, values } from "../trainer-parts.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-budgets-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

const options = { epochs: 20, batchSize: 8, validation: rows(20, 0.3) };

describe("stepBudget", () => {
  it.each([1, 12, 13, 14, 137])("ends after exactly %i steps of 13 an epoch", async (steps) => {
    const trainer = make({ callbacks: [stepBudget(steps)] });
    const { reason, history } = await trainer.fit(rows(100), options);
    expect(reason).toBe(`the budget of ${steps} steps is spent`);
    expect(trainer.position.step).toBe(steps);
    // The end of an epoch is measured.
    expect(history).toHaveLength(Math.floor(steps / 13));
    expect(trainer.position.batch).toBe(steps % 13);
  });

  it("is none where the epochs end first or with it, and is the same from a loader", async () => {
    expect((await make({ callbacks: [stepBudget(260)] }).fit(rows(100), options)).reason).toBeNull();
    const trainer = make({ callbacks: [stepBudget(17)] });
    const batches = loader(rows(100), { batchSize: 8, shuffle: true, seed: 0 });
    await trainer.fit(batches, { epochs: 20 });
    expect(trainer.position.step).toBe(17);
    const other = make({ callbacks: [stepBudget(17)] });
    await other.fit(rows(100), options);
    if (exact) expect(await values(trainer)).toEqual(await values(other));
  });

  it("counts all steps, those of before a resume too", async () => {
    const trainer = make({ callbacks: [stepBudget(30)] });
    await trainer.fit(rows(100), options);
    expect((await trainer.fit(rows(100), options)).reason).toBe("the budget of 30 steps is spent");
    expect(trainer.position.step).toBe(30);

    const parts = (folder: string): Callback[] => [stepBudget(30), checkpoint(join(dir, folder))];
    await make({ callbacks: parts("whole") }).fit(rows(100), options);
    const first = make({ callbacks: [stopAt(19), ...parts("part")] });
    await first.fit(rows(100), options);
    for (const run of ["goes on", "is over"]) {
      const rest = make({ callbacks: parts("part") });
      await rest.resume(join(dir, "part"));
      const { reason } = await rest.fit(rows(100), options);
      expect([run, reason, rest.position.step]).toEqual([run, "the budget of 30 steps is spent", 30]);
    }
    if (exact) expect(stateOf(join(dir, "part"))).toEqual(stateOf(join(dir, "whole")));
  });

  it("says what must hold", async () => {
    expect(() => stepBudget(0)).toThrow("stepBudget: steps must be a whole number of at least 1; got 0.");
    const wrong: Callback = { name: "mine", start: (_, run) => run.breakAt(1.5) };
    await expect(make({ callbacks: [wrong] }).fit(rows(100), options)).rejects.toThrow(
      "mine: breakAt: step must be a whole number of at least 0; got 1.5.",
    );
  });
});

describe("timeBudget", () => {
  /** Lets a second pass with each reading of the clock. */
  function tick(): void {
    let now = 1e6;
    vi.spyOn(performance, "now").mockImplementation(() => (now += 1000));
  }

  it("ends a run once the time is spent, and takes no notice of a clock that jumps", async () => {
    tick();
    vi.spyOn(Date, "now").mockReturnValue(-1e15);
    const trainer = make({ callbacks: [timeBudget("1m")] });
    const { reason } = await trainer.fit(rows(100), options);
    expect(reason).toBe("the time budget of 1 min 00 s is spent");
    expect(trainer.position.epoch).toBeLessThan(20);
  });

  it("goes on with what was spent before a resume, and ends at once where that is all", async () => {
    tick();
    const folder = join(dir, "time");
    const first = make({ callbacks: [stopAt(3), timeBudget(3600), checkpoint(folder)] });
    await first.fit(rows(100), options);
    const rest = make({ callbacks: [timeBudget(5), checkpoint(folder)] });
    await rest.resume(folder);
    const { reason } = await rest.fit(rows(100), options);
    expect(reason).toBe("the time budget of 5.0 s is spent");
    expect(rest.position.step).toBe(3);
  });

  it.each([
    ["90", 90],
    ["90s", 90],
    ["1.5m", 90],
    ["2h", 7200],
    ["1h30m", 5400],
    ["1d", 86_400],
    ["", null],
    ["0s", null],
    ["2 weeks", null],
    ["-1m", null],
    ["1m1h", null],
    ["1..5s", null],
  ])("reads %j as %s seconds", (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each([0, -1, Number.NaN, "soon"])("refuses %s", (time) => {
    expect(() => timeBudget(time)).toThrow("timeBudget: the time must be a number of seconds above 0");
  });
});
