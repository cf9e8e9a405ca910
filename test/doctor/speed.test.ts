/** Rules about where the time goes, on profiles made by hand and one of a real run. */
import { dataset } from "nabla/data";
import { doctor, examine, judge, noEvidence } from "nabla/doctor";
import { crossEntropy, Linear } from "nabla/nn";
import { sgd } from "nabla/optim";
import { type Profile, Trainer } from "nabla/train";
import { expect, it } from "vitest";
import { healthyRuns } from "../../bench/doctor/healthy.ts";
import { cpuAvailable } from "../../src/engine/backend/cpu/index.ts";

const peaks = { flopsPerSecond: 1e11, bytesPerSecond: 1e10 };
const kernel = (seconds: number, flops: number, bytes: number) => ({
  step: "fused",
  note: "",
  parts: [],
  seconds,
  flops,
  bytes,
});
const profile = (kernels: Profile["kernels"], secondsPerStep: number): Profile => ({
  device: "cpu (2 threads)",
  threads: 2,
  steps: 10,
  secondsPerStep,
  arenaBytes: 1 << 20,
  phases: [],
  parts: [],
  kernels,
  peaks,
});
const found = (kernels: Profile["kernels"], secondsPerStep: number) =>
  judge({ ...noEvidence, profile: profile(kernels, secondsPerStep) }).map(({ id, severity }) => [
    id,
    severity,
  ]);

it("tells arithmetic from memory by the larger side of the roofline", () => {
  // 2 ms of two threads each: 1e8 operations take 1 ms at least, or 1e7 bytes.
  expect(found([kernel(2e-3, 1e8, 1e6)], 1e-3)).toEqual([["compute-bound", "info"]]);
  expect(found([kernel(2e-3, 1e6, 1e7)], 1e-3)).toEqual([["memory-bound", "info"]]);
});

it("calls a step neither where both sides matter, and too small where threads are idle", () => {
  expect(found([kernel(1e-3, 1e8, 1e6), kernel(1e-3, 1e6, 1e7)], 1e-3)).toEqual([]);
  expect(found([kernel(2e-3, 1e8, 1e6)], 3e-3)).toEqual([["small-steps", "info"]]);
});

it("says how near the roof: half of it where kernels take twice the least time", () => {
  const [finding] = judge({ ...noEvidence, profile: profile([kernel(4e-3, 1e8, 1e6)], 2e-3) });
  expect(finding?.evidence.ofPeak).toBeCloseTo(0.5, 9);
  expect(finding?.text).toBe("Arithmetic bounds 100 % of a step of 2000 us, at 50 % of the machine's peak.");
});

it("warns where a quarter of the time and more is spent in waiting for data", () => {
  const of = (waiting: number) =>
    judge({ ...noEvidence, speed: { waiting, rowsPerSecond: 100 } }).map(({ id, severity }) => [
      id,
      severity,
    ]);
  expect(of(0.26)).toEqual([["waits-for-data", "warning"]]);
  expect(of(0.25)).toEqual([]);
  expect(of(Number.NaN)).toEqual([]);
});

it.runIf(cpuAvailable().ok)("examine times the kernels of its probe where it is asked to", async () => {
  const [run] = healthyRuns;
  if (run === undefined) throw new Error("there are healthy runs");
  const timed = await examine(run.experiment, { steps: 100, profile: true });
  expect(timed.evidence.profile?.kernels.length).toBeGreaterThan(0);
  expect((await examine(run.experiment, { steps: 100 })).evidence.profile).toBeNull();
});

it.runIf(cpuAvailable().ok)(
  "what clocks say is told, and not in a checkpoint: equal runs have equal ones",
  async () => {
    const rows = dataset({
      x: { data: new Float32Array(64).fill(1), shape: [32, 2] },
      y: new Int32Array(32),
    });
    const slow = {
      length: rows.length,
      gather: async (wanted: Int32Array) => {
        await new Promise((done) => setTimeout(done, 20));
        return rows.gather(wanted);
      },
    };
    const told: string[] = [];
    const watching = doctor({ onFinding: ({ id }) => told.push(id) });
    const model = new Linear(2, 2);
    const trainer = new Trainer({ model, loss: crossEntropy, optimizer: sgd(0.1), callbacks: [watching] });
    await trainer.fit(slow, { epochs: 1, batchSize: 4 });
    expect(told).toContain("waits-for-data");
    expect(Object.keys(Object(watching.state?.()))).toEqual([
      ...told.filter((id) => id !== "waits-for-data"),
      "unrest",
    ]);
  },
);
