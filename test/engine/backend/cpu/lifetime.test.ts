/** Runs off the event loop: their order, and how they end with the process or the worker thread that started them. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { encode } from "../../../../src/engine/backend/cpu/encode.ts";
import { cpuBackend } from "../../../../src/engine/backend/cpu/index.ts";
import type { Plan } from "../../../../src/engine/ir/index.ts";
import { encodeElements } from "../../../../src/engine/ops/index.ts";
import { BodyMaker, f32, PlanMaker, segment, whole } from "./plans.ts";

/** x = x * 2 + 1 in place, and y = x. */
function stepPlan(n: number): Plan {
  const maker = new PlanMaker();
  const x = maker.input(f32(n), true);
  const body = new BodyMaker();
  const next = body.scalar("add", body.scalar("mul", body.load(), body.literal(2)), body.literal(1));
  body.store(next);
  body.store(next);
  maker.giveBack(x);
  const y = maker.output(f32(n));
  maker.step({
    kind: "fused",
    body: body.body(),
    segments: [segment([n], 0, [whole(x, [n])], [whole(x, [n]), whole(y, [n])])],
  });
  return maker.plan();
}

const floats = (bytes: Uint8Array) => [
  ...new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4),
];

describe("runMany", () => {
  it.each([1, 4])("keeps order with runs, reads, writes and frees on %i threads", async (threads) => {
    const n = 50_000;
    const cpu = cpuBackend({ threads });
    const exe = cpu.compile(stepPlan(n));
    const [x, y] = [cpu.alloc(4 * n), cpu.alloc(4 * n)];
    cpu.write(x, encodeElements(new Float64Array(n), "f32"));
    const first = cpu.runMany(exe, [x], [x, y], [], 3);
    const early = cpu.read(y, 0, 4);
    const second = cpu.runMany(exe, [x], [x, y], [], 2);
    // Waits for what is in flight.
    cpu.run(exe, [x], [x, y], []);
    expect(floats(await cpu.read(y, 4 * (n - 1), 4))).toEqual([63]);
    expect(floats(await early)).toEqual([7]);
    await Promise.all([first, second]);
    cpu.write(x, encodeElements(new Float64Array(n), "f32"));
    const last = cpu.runMany(exe, [x], [x, y], [], 200);
    cpu.free(y);
    exe.release();
    // Memory freed in flight is not given out before the run is over.
    const z = cpu.alloc(4 * n);
    await last;
    expect(floats(await cpu.read(z, 0, 8))).toEqual([0, 0]);
    expect(cpu.stats().live).toBe(8 * n);
  });

  it("lets the event loop turn", async () => {
    const n = 20_000;
    const cpu = cpuBackend({ threads: 2 });
    const exe = cpu.compile(stepPlan(n));
    const [x, y] = [cpu.alloc(4 * n), cpu.alloc(4 * n)];
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await cpu.runMany(exe, [x], [x, y], [], 20_000);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });

  it("runs nothing for a count of 0 and refuses other counts", async () => {
    const cpu = cpuBackend({ threads: 1 });
    const exe = cpu.compile(stepPlan(1));
    const [x, y] = [cpu.alloc(4), cpu.alloc(4)];
    await cpu.runMany(exe, [x], [x, y], [], 0);
    expect(floats(await cpu.read(y, 0, 4))).toEqual([0]);
    await expect(cpu.runMany(exe, [x], [x, y], [], -1)).rejects.toThrow();
  });
});

const longProgram = (() => {
  const words = 300_000;
  return { ...encode(stepPlan(words)), words };
})();

/** JavaScript that loads the addon alone, starts a run that would take hours, and goes on with `then`. */
function endless(then: string): string {
  const addon = JSON.stringify(fileURLToPath(new URL("../../../../build/nabla.node", import.meta.url)));
  const { program, constants, words } = longProgram;
  return `
    const addon = require(${addon});
    const context = addon.create(0, 3, 0, 1);
    const id = addon.load(context, Int32Array.from(${JSON.stringify([...program])}), Uint8Array.from(${JSON.stringify([...constants])}));
    const x = addon.alloc(context, ${words * 4}), y = addon.alloc(context, ${words * 4});
    const forever = addon.runMany(context, id, Int32Array.of(x, x, y), new Float64Array(0), 1e9);
    ${then}
  `;
}

describe("the end", () => {
  it("of the process comes at once with a run in flight", () => {
    const { status, signal, stdout, stderr } = spawnSync(
      process.execPath,
      ["-e", endless(`setTimeout(() => { console.log("leaving"); process.exit(7); }, 50);`)],
      { encoding: "utf8", timeout: 30_000 },
    );
    expect({ status, signal, stdout, stderr }).toEqual({
      status: 7,
      signal: null,
      stdout: "leaving\n",
      stderr: "",
    });
  });

  it("of the process waits for a run that is awaited", () => {
    const script = endless(`forever.then(() => console.log("done"));`).replace("1e9", "3");
    const { status, stdout } = spawnSync(process.execPath, ["-e", script], {
      encoding: "utf8",
      timeout: 30_000,
    });
    expect([status, stdout]).toEqual([0, "done\n"]);
  });

  it("of a worker thread stops its run, and leaks nothing", async () => {
    const once = async () => {
      const worker = new Worker(
        endless(`require("node:worker_threads").parentPort.postMessage("running");`),
        { eval: true },
      );
      await new Promise((resolve, reject) => {
        worker.once("message", resolve);
        worker.once("error", reject);
      });
      await new Promise((resolve) => setTimeout(resolve, 5));
      await worker.terminate();
    };
    for (let n = 0; n < 4; n++) await once();
    const before = process.memoryUsage.rss();
    for (let n = 0; n < 12; n++) await once();
    // Each holds 2.4 MB of buffers and 3 threads' memory; a leak would show as 30 MB and more.
    expect(process.memoryUsage.rss() - before).toBeLessThan(25e6);
  });

  it("of several worker threads that compute at the same time", async () => {
    const sum = `
      forever.then(() => {
        const into = new Uint8Array(4);
        addon.read(context, y, 0, into);
        require("node:worker_threads").parentPort.postMessage(new Float32Array(into.buffer)[0]);
      });`;
    const script = endless(sum).replace("1e9", "5");
    const results = await Promise.all(
      Array.from({ length: 4 }, () => {
        const worker = new Worker(script, { eval: true });
        return new Promise<number>((resolve, reject) => {
          worker.once("message", resolve);
          worker.once("error", reject);
        });
      }),
    );
    expect(results).toEqual([31, 31, 31, 31]);
  });
});
