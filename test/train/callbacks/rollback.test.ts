/** A run that goes back and changes nothing else ends where one that never did: with every callback that counts, and in its files. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dropout, Linear, relu, Sequential } from "nabla/nn";
import { adam, ema } from "nabla/optim";
import {
  type Callback,
  checkpoint,
  convergence,
  type EpochRecord,
  earlyStopping,
  history,
  learningRateMonitor,
  noiseScale,
  reduceOnPlateau,
  tensorBoard,
} from "nabla/train";
import { afterAll, expect, it } from "vitest";
import { fields, records, valuesOf } from "../../io/tfevents/decode.ts";
import { exact, goBackOnce, make, rows, stateOf, values } from "../trainer-parts.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-rollback-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Callbacks that count, and what they came to. */
function counting(folder: string) {
  const [list, rates] = [[] as EpochRecord[], learningRateMonitor({ every: { steps: 3 } })];
  const callbacks: Callback[] = [
    history(list),
    rates,
    earlyStopping({ patience: 4, mode: "max" }),
    reduceOnPlateau({ factor: 0.5, patience: 0, mode: "max" }),
    convergence({ window: 2, tolerance: 1e-6 }),
    checkpoint(folder, { every: { steps: 10 } }),
  ];
  return { callbacks, came: () => ({ list, rates: rates.history }) };
}

it.skipIf(!exact).each([
  ["within an epoch", 15, 17],
  ["over the ends of epochs", 9, 47],
  ["to the beginning", 0, 27],
])("%s", async (name, from, at) => {
  const run = async (folder: string, extra: readonly Callback[]) => {
    const model = new Sequential(new Linear(4, 8), relu, dropout(0.3), new Linear(8, 3));
    const { callbacks, came } = counting(folder);
    const optimizer = ema(adam(0.05), { decay: 0.9 });
    const trainer = make({ model, optimizer, callbacks: [...extra, ...callbacks] });
    const batchSize = noiseScale({ min: 8, max: 32, every: 5 });
    const { reason, record } = await trainer.fit(rows(100), {
      epochs: 8,
      batchSize,
      validation: rows(20, 0.3),
    });
    return { reason, record, ...came(), history: [...trainer.history], values: await values(trainer) };
  };
  const once = goBackOnce(from, at);
  const [back, plain] = [join(dir, `${name} back`), join(dir, `${name} plain`)];
  const got = await run(back, [once]);
  expect(once.gone()).toBe(true);
  expect(got).toEqual(await run(plain, []));
  expect(got.list).toEqual(got.history);
  // The copy itself is in the one that went back.
  expect(stateOf(back).length).toBeGreaterThan(stateOf(plain).length);
});

it("event files void what is to come again", async () => {
  const folder = join(dir, "board");
  const once = goBackOnce(12, 23);
  await make({ callbacks: [once, tensorBoard(folder, { every: 1 })] }).fit(rows(80), {
    epochs: 4,
    batchSize: 8,
  });
  expect(once.gone()).toBe(true);
  const file = readdirSync(folder)[0] as string;
  const events = records(readFileSync(join(folder, file)));
  const stepOf = (event: Uint8Array) => Number(fields(event)[2]?.[0] ?? 0);
  const restart = events.findIndex((event) => fields(event)[7] !== undefined);
  expect(stepOf(events[restart] as Uint8Array)).toBe(13);
  const epochs = (from: number, to?: number) =>
    events
      .slice(from, to)
      .filter((event) => valuesOf(event).some(({ tag }) => tag === "train/loss"))
      .map(stepOf);
  expect([epochs(0, restart), epochs(restart)]).toEqual([
    [10, 20],
    [20, 30, 40],
  ]);
});
