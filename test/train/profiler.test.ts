/** The profiler: training comes to the same bits, every layer is named, and times add up to what was measured. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BatchNorm, Linear, relu, Sequential } from "nabla/nn";
import {
  kernelRows,
  type Profile,
  partRows,
  phaseRows,
  profileLines,
  profiler,
  rooflineOf,
} from "nabla/train";
import { afterAll, describe, expect, it } from "vitest";
import { exact, make, rows, values } from "./trainer-parts.ts";

const root = mkdtempSync(join(tmpdir(), "nabla-profiler-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function profiled(options: Parameters<typeof profiler>[0] = {}, epochs = 3) {
  const profiles: Profile[] = [];
  const trainer = make({
    callbacks: [profiler({ onProfile: (profile) => profiles.push(profile), ...options })],
  });
  await trainer.fit(rows(90), { epochs, batchSize: 16, validation: rows(30, 1) });
  return { trainer, profiles };
}

describe.runIf(exact)("profiler", () => {
  it("names layers and the other parts of a step, with times, and does not change a bit", async () => {
    const plain = make();
    await plain.fit(rows(90), { epochs: 3, batchSize: 16, validation: rows(30, 1) });
    const { trainer, profiles } = await profiled({ after: 2, steps: 5 });
    expect(await values(trainer)).toEqual(await values(plain));
    const [profile] = profiles as [Profile];
    expect(profiles).toHaveLength(1);
    const paths = profile.parts.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(["batch", "layers/0", "layers/2", "loss", "metrics"]));
    for (const { forward, backward } of profile.parts.filter(({ path }) => path.startsWith("layers/0"))) {
      expect(forward.seconds).toBeGreaterThan(0);
      expect(backward.seconds).toBeGreaterThan(0);
      expect(forward.flops).toBeGreaterThan(2 * 16 * 4 * 8 * 0.5);
    }
    expect(profile.steps).toBeGreaterThanOrEqual(5);
    expect(profile.peaks.flopsPerSecond).toBeGreaterThan(1e8);
    expect(profile.peaks.bytesPerSecond).toBeGreaterThan(1e8);
  });

  it("parts and kernels come to the same sum, which threads can have taken", async () => {
    const { profiles } = await profiled({ after: 0 });
    const [{ parts, kernels, secondsPerStep, threads }] = profiles as [Profile];
    const sum = (costs: readonly { readonly seconds: number }[]) =>
      costs.reduce((total, { seconds }) => total + seconds, 0);
    expect(sum(parts.flatMap(({ forward, backward }) => [forward, backward]))).toBeLessThanOrEqual(
      threads * secondsPerStep * 1.001,
    );
    expect(sum(kernels)).toBeGreaterThan(0);
  });

  it("phases name evaluation and each callback", async () => {
    const slow = { name: "slow one", stepEnd: () => new Promise<void>((done) => setTimeout(done, 3)) };
    const profiles: Profile[] = [];
    const trainer = make({
      callbacks: [slow, profiler({ after: 0, onProfile: (profile) => profiles.push(profile) })],
    });
    await trainer.fit(rows(90), { epochs: 2, batchSize: 16, validation: rows(30) });
    const phases = new Map(profiles[0]?.phases.map(({ name, seconds }) => [name, seconds]));
    expect([...phases.keys()]).toEqual(
      expect.arrayContaining(["training", "evaluation", "callback slow one"]),
    );
    // A timer may be a little early, not much.
    expect(phases.get("callback slow one")).toBeGreaterThan(0.004);
  });

  it("is written into the folder, and says so where it cannot be", async () => {
    const failures: unknown[] = [];
    const { profiles } = await profiled({ after: 0, folder: root });
    expect(JSON.parse(readFileSync(join(root, "profile.json"), "utf8"))).toEqual(profiles[0]);
    await profiled({
      after: 0,
      folder: join(root, "profile.json"),
      onFailure: (error) => failures.push(error),
    });
    expect(failures.map(String)).toEqual([expect.stringContaining("profile.json")]);
  });

  it("a run that ends before it begins has none; the next fit of the same trainer has one", async () => {
    const profiles: Profile[] = [];
    const callbacks = [profiler({ after: 8, onProfile: (profile) => profiles.push(profile) })];
    const trainer = make({ callbacks });
    await trainer.fit(rows(16), { epochs: 3, batchSize: 8 });
    expect(profiles).toEqual([]);
    await trainer.fit(rows(16), { epochs: 9, batchSize: 8 });
    expect(profiles).toHaveLength(1);
  });

  it("speaks in tables", async () => {
    const model = new Sequential(
      ...Array.from({ length: 30 }, () => [new Linear(4, 4), relu]).flat(),
      new BatchNorm(4),
      new Linear(4, 3),
    );
    const profiles: Profile[] = [];
    const trainer = make({
      model,
      callbacks: [profiler({ after: 0, onProfile: (profile) => profiles.push(profile) })],
    });
    await trainer.fit(rows(40), { epochs: 2, batchSize: 8 });
    const [profile] = profiles as [Profile];
    const layers = partRows(profile);
    expect(layers[0]).toEqual(expect.arrayContaining(["part of a step", "forward us", "backward us"]));
    expect(layers.at(-1)?.[0]).toMatch(/^\d+ more$/);
    expect(kernelRows(profile)).toHaveLength(9);
    expect(phaseRows(profile).map(([name]) => name)).toContain("training");
    expect(profileLines(profile).join(" ")).toMatch(/a training step takes [\d.,]+ us .*GFLOP\/s/);
  });
});

describe("profiler", () => {
  it("refuses what it does not know, and devices without a clock", async () => {
    expect(() => profiler({ after: -1 })).toThrow("profiler: after must be");
    expect(() => profiler({ steps: 0 })).toThrow("profiler: steps must be");
    expect(() => profiler({ step: 3 } as object)).toThrow('"steps"');
    const trainer = make({ device: "reference", callbacks: [profiler({ after: 0 })] });
    await expect(trainer.fit(rows(16), { epochs: 1, batchSize: 8 })).rejects.toThrow("cannot time the steps");
  });

  it("roofs: the lower of arithmetic and memory bounds, threads together", () => {
    const peaks = { flopsPerSecond: 100, bytesPerSecond: 10 };
    expect(rooflineOf({ seconds: 2, flops: 100, bytes: 1 }, peaks, 1)).toEqual({
      intensity: 100,
      bound: "compute",
      share: 0.5,
    });
    expect(rooflineOf({ seconds: 8, flops: 1, bytes: 20 }, peaks, 2)).toEqual({
      intensity: 0.05,
      bound: "memory",
      share: 0.5,
    });
    expect(rooflineOf({ seconds: 0, flops: 1, bytes: 1 }, peaks, 1)).toBeNull();
  });
});
