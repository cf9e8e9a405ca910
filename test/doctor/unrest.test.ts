/** Unrest: what the rules make of gradient noise and sharpness, and that a run looks at the same, resumed or not, and trains to the same bits. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dataset } from "nabla/data";
import { doctor, type Evidence, judge, type Look, modelFacts, noEvidence, readJudgement } from "nabla/doctor";
import { crossEntropy } from "nabla/nn";
import { sgd } from "nabla/optim";
import type { Telemetry } from "nabla/train";
import { afterEach, describe, expect, it } from "vitest";
import { nextLook } from "../../src/doctor/unrest.ts";
import { make, network, rows, stateOf, values } from "../train/trainer-parts.ts";

const folders: string[] = [];
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), "nabla-unrest-"));
  folders.push(made);
  return made;
};
afterEach(() => {
  for (const one of folders.splice(0)) rmSync(one, { recursive: true, force: true });
});

const telemetry = (loss: (i: number) => number): Telemetry[] =>
  Array.from({ length: 60 }, (_, i) => ({ step: 5 * i, loss: loss(i), layers: [], activations: [] }));
const jumping = telemetry((i) => 1 + 0.5 * (-1) ** i);
const steady = telemetry((i) => 1 + 0.01 * (-1) ** i);

const look = (change: Partial<Look>): Look => ({
  step: 200,
  signal: 1,
  noise: 10,
  sharpness: null,
  edge: null,
  ...change,
});

function found(looks: readonly Look[], change: Partial<Evidence> = {}, batchSize = 8) {
  const settings = {
    learningRate: 0.1,
    weightDecay: null,
    batchSize,
    shuffled: true,
    partOfRows: false,
  };
  return judge({ ...noEvidence, settings, telemetry: jumping, looks, ...change });
}
/** What is known of a model with nothing wrong: a constant answer has a loss of log 3. */
const sound = () => modelFacts({ model: network().init(0), loss: crossEntropy, seed: 0 }, rows(60));

const ids = (findings: ReturnType<typeof judge>) => findings.map(({ id, severity }) => `${id} ${severity}`);

describe("noise", () => {
  it("four times the batch and more is a reason for larger batches, and for no warm-up", () => {
    const [finding, ...others] = found([look({ noise: 100 }), look({ noise: 156 })]);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: "noisy-gradients",
      severity: "warning",
      evidence: { noiseScale: 128, batchSize: 8 },
      text: expect.stringContaining("noise scale of 128 rows"),
    });
    expect(finding?.remedies.map(({ kind }) => kind)).toEqual(["batch-size", "learning-rate", "advice"]);
    expect(finding?.remedies[0]).toEqual({ kind: "batch-size", factor: 16 });
  });

  it("below that is none, even in batches of one", () => {
    expect(found([look({ noise: 31 })])).toEqual([]);
    expect(found([look({ noise: 3 })], {}, 1)).toEqual([]);
    expect(ids(found([], {}, 1))).toEqual(["noisy-gradients severe"]);
    expect(found([])).toEqual([]);
  });

  it("in which the mean gradient is lost is beyond measure", () => {
    const [finding] = found([look({ signal: 1, noise: 50 }), look({ signal: -2, noise: 50 })]);
    expect(finding?.evidence.noiseScale).toBe("beyond measure");
    expect(finding?.remedies[0]).toEqual({ kind: "batch-size", factor: 64 });
  });

  it("is no fault where the loss is steady or small", async () => {
    expect(found([look({ noise: 100 })], { telemetry: steady })).toEqual([]);
    const small = telemetry((i) => 0.1 + 0.05 * (-1) ** i); // of 1.1
    expect(found([look({ noise: 100 })], { telemetry: small, model: await sound() })).toEqual([]);
  });
});

describe("sharpness", () => {
  const sharp = (sharpness: number, edge: number | null = 20) => look({ noise: 1, sharpness, edge });

  it("above the edge is a reason for a lower rate or warm-up, and for no larger batch", () => {
    const [finding, ...others] = found([sharp(10), sharp(30), sharp(25)]);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: "sharpness-above-edge",
      severity: "warning",
      evidence: { sharpness: 25, edge: 20, ofEdge: 1.25 },
    });
    expect(finding?.remedies.map(({ kind }) => kind)).toEqual([
      "learning-rate",
      "warm-up",
      "learning-rate",
      "advice",
    ]);
    expect(finding?.remedies[0]).toEqual({ kind: "learning-rate", factor: 0.4 });
    expect(ids(found([sharp(50)]))).toEqual(["sharpness-above-edge severe"]);
  });

  it("is no verdict below the edge, without one, and where the loss is steady", () => {
    expect(found([sharp(19)])).toEqual([]);
    expect(found([sharp(1e6, null)])).toEqual([]);
    expect(found([sharp(50)], { telemetry: steady })).toEqual([]);
  });

  it("is told with a rate that is too high for all, and not beside it", async () => {
    const range = { suggestion: 0.001, divergedAt: 0.05 };
    const layers = [{ path: "", size: 1, gradientNorm: 1, weightNorm: 1, updateNorm: 0.2 }];
    const moving = jumping.map((sample) => ({ ...sample, layers }));
    const [finding, ...others] = found([sharp(50)], { range, model: await sound(), telemetry: moving });
    expect(finding).toMatchObject({ id: "learning-rate-too-high", evidence: { sharpness: 50, edge: 20 } });
    expect(others.map(({ id }) => id)).not.toContain("sharpness-above-edge");
  });
});

it("looks come after 16,000 steps, and whenever the run is four times as long", () => {
  expect([0, 15_999, 16_000, 63_999].map(nextLook)).toEqual([16_000, 16_000, 64_000, 64_000]);
});

describe("a run whose loss jumps", () => {
  /** Labels by no rule: what is left is noise. */
  const data = dataset({
    x: Array.from({ length: 64 }, (_, i) => [Math.sin(i), Math.cos(2 * i), Math.sin(3 * i), 1]),
    y: Array.from({ length: 64 }, (_, i) => (((i * 7919) % 101) * 31) % 3),
  });
  const options = { batchSize: 2, epochs: 40 }; // 1,280 steps
  const after = (step: number) => (step < 500 ? 500 : step < 1000 ? 1000 : null);
  const trainer = (run: string | null) =>
    make({
      optimizer: sgd(0.1),
      telemetry: { every: 20 },
      callbacks: run === null ? [] : [doctor({ folder: run, onFinding: () => undefined, nextLook: after })],
    });

  it("is looked at when that is due, and trains to the bits of one that is not", async () => {
    const [plain, watched] = [trainer(null), trainer(folder())];
    const run = folders.at(-1) as string;
    await plain.fit(data, options);
    await watched.fit(data, options);
    expect(await values(watched)).toEqual(await values(plain));
    const { looks } = await readJudgement(run);
    expect(looks.map(({ step }) => step)).toEqual([500, 1000]);
    expect(looks[0]?.noise).toBeGreaterThan(0);
  });

  it.each([10, 25, 35])("looks at the same where it is resumed after epoch %i", async (epochs) => {
    const [whole, part] = [folder(), folder()];
    const straight = trainer(whole);
    await straight.fit(data, options);
    const before = trainer(part);
    await before.fit(data, { ...options, epochs });
    await before.save(join(part, "checkpoint"));
    const onward = trainer(part);
    await onward.resume(join(part, "checkpoint"));
    await onward.fit(data, options);
    const [one, other] = [await readJudgement(whole), await readJudgement(part)];
    expect(other.looks).toEqual(one.looks);
    expect(one.looks).toHaveLength(2);
    await straight.save(join(whole, "checkpoint"));
    await onward.save(join(part, "checkpoint"));
    expect(stateOf(join(part, "checkpoint"))).toEqual(stateOf(join(whole, "checkpoint")));
  });
});
