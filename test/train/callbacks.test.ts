/** Callbacks: what of them a checkpoint holds, and what happens when one throws. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adam } from "nabla/optim";
import {
  type Callback,
  CallbackError,
  checkpoint,
  earlyStopping,
  type Json,
  reduceOnPlateau,
} from "nabla/train";
import { afterAll, describe, expect, it } from "vitest";
import { loadManifest } from "../../src/io/index.ts";
import { DataError } from "../../src/util/index.ts";
import { exact, make, rows, stateOf, values } from "./trainer-parts.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-callbacks-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const options = { batchSize: 8, validation: rows(20, 0.3) };

/** Counts epochs in its state alone. */
function counter(name = "counter"): Callback & { seen(): number } {
  let seen = 0;
  return {
    name,
    start: () => {
      seen = 0;
    },
    epochEnd: () => {
      seen++;
    },
    state: () => ({ seen }),
    restore: (state) => {
      seen = (state as { seen: number }).seen;
    },
    seen: () => seen,
  };
}

/** Interrupts within the epoch after `epochs`, as Ctrl-C does. */
function interruptAfter(epochs: number): { signal: AbortSignal; callback: Callback } {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    callback: {
      stepEnd: ({ position }) => {
        if (position.epoch >= epochs) controller.abort();
      },
    },
  };
}

describe("callbacks' state", () => {
  it("is saved under their names, and given back when a run is resumed", async () => {
    const folder = join(dir, "state");
    const [one, two] = [counter(), counter()];
    await make({ callbacks: [checkpoint(folder), one, two] }).fit(rows(30), { epochs: 2, ...options });
    expect((await loadManifest(folder)).data.callbacks).toEqual({
      counter: { seen: 2 },
      "counter-2": { seen: 2 },
    });
    const again = counter();
    const trainer = make({ callbacks: [again, checkpoint(folder)] });
    await trainer.resume(folder);
    await trainer.save(join(dir, "copy")); // before they were told
    expect((await loadManifest(join(dir, "copy"))).data.callbacks).toMatchObject({ counter: { seen: 2 } });
    await trainer.fit(rows(30), { epochs: 5, ...options });
    expect(again.seen()).toBe(5);
  });

  it.skipIf(!exact)("lets an interrupted run stop, reduce and put back as the one that was not", async () => {
    // What falls does not get larger: the best epoch is the first, or one that a high rate has made bad.
    const high = { optimizer: adam(0.3) };
    const decide = (): Callback[] => [
      earlyStopping({ monitor: "validation.loss", patience: 3, mode: "max" }),
      reduceOnPlateau({ factor: 0.5, patience: 1, mode: "max" }),
    ];
    const whole = make({ ...high, callbacks: [...decide(), checkpoint(join(dir, "whole"))] });
    const wanted = await whole.fit(rows(60), { epochs: 60, ...options });
    expect(wanted.reason).toMatch(/has not improved on .* for 3 epochs/);
    const ended = whole.position.epoch;
    expect(wanted.record?.epoch).toBe(ended - 3);
    for (const epochs of new Set([0, 2, ended - 3, ended - 1])) {
      const folder = join(dir, `part-${epochs}`);
      const { signal, callback } = interruptAfter(epochs);
      const part = make({ ...high, callbacks: [callback, ...decide(), checkpoint(folder)] });
      await part.fit(rows(60), { epochs: 60, ...options, signal });
      expect(part.position.epoch).toBe(epochs);
      const rest = make({ ...high, callbacks: [...decide(), checkpoint(folder)] });
      await rest.resume(folder);
      const result = await rest.fit(rows(60), { epochs: 60, ...options });
      expect([result.reason, result.record]).toEqual([wanted.reason, wanted.record]);
      expect(await values(rest)).toEqual(await values(whole));
      expect(stateOf(folder)).toEqual(stateOf(join(dir, "whole")));
    }
  });

  it("is refused without a name, and when it is not the callback's own", async () => {
    expect(() => make({ callbacks: [{ state: () => 1 }] })).toThrow(
      "Trainer: callback 1 has a state; it must have a name, under which that is saved.",
    );
    expect(() => make({ callbacks: [{ name: "../x" }] })).toThrow("a callback's name must be of letters");
    const folder = join(dir, "foreign");
    const stranger: Callback = { name: "earlyStopping", state: (): Json => ({ best: "low" }) };
    await make({ callbacks: [stranger, checkpoint(folder)] }).fit(rows(30), { epochs: 1, ...options });
    const trainer = make({ callbacks: [earlyStopping()] });
    await trainer.resume(folder);
    const fit = trainer.fit(rows(30), { epochs: 2, ...options });
    await expect(fit).rejects.toThrow("earlyStopping: its state in the checkpoint must be its own; monitor");
    await expect(fit).rejects.toBeInstanceOf(DataError);
  });
});

describe("a callback that throws", () => {
  const throws = (event: "stepEnd" | "epochEnd", name?: string): Callback => ({
    ...(name !== undefined && { name }),
    [event]: () => {
      throw new TypeError("no such thing");
    },
  });

  it.each([
    ["stepEnd", undefined, "callback 3 at stepEnd: TypeError: no such thing"],
    ["epochEnd", "mine", "mine at epochEnd: TypeError: no such thing"],
  ] as const)(
    "at %s is named, what was reached is saved, and the run goes on from there",
    async (event, name, text) => {
      const folder = join(dir, `throws-${event}`);
      const heard: (string | null)[] = [];
      const counted = counter();
      const callbacks: Callback[] = [
        { error: ({ callback }) => void heard.push(callback) },
        throws(event, name),
        counted,
      ];
      const first = make({ callbacks: [checkpoint(folder), ...callbacks] });
      const fit = first.fit(rows(40), { epochs: 3, ...options });
      await expect(fit).rejects.toThrow(text);
      await expect(fit).rejects.toBeInstanceOf(CallbackError);
      expect(heard).toEqual([name ?? "callback 3"]);
      // The others heard of the event all the same.
      expect(counted.seen()).toBe(event === "epochEnd" ? 1 : 0);
      const rest = make({ callbacks: [checkpoint(folder)] });
      await rest.resume(folder);
      expect(rest.position).toEqual(first.position);
      await rest.fit(rows(40), { epochs: 3, ...options });
      const whole = make();
      await whole.fit(rows(40), { epochs: 3, ...options });
      if (exact) expect(await values(rest)).toEqual(await values(whole));
    },
  );

  it("at start ends the run before anything has happened", async () => {
    const heard: string[] = [];
    const callbacks: Callback[] = [
      { name: "early", start: () => Promise.reject("nothing") },
      { start: () => void heard.push("start") },
    ];
    await expect(make({ callbacks }).fit(rows(30), { epochs: 1, ...options })).rejects.toThrow(
      "early at start: it threw nothing",
    );
    expect(heard).toEqual([]);
  });
});
