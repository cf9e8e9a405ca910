/** Saves written by a thread of their own: what they hold, one after the other, and what a failure leaves. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tensor } from "nabla";
import { CheckpointWriter, FileError, loadCheckpoint, saveCheckpoint } from "nabla/io";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";

const root = mkdtempSync(join(tmpdir(), "nabla-writer-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Large enough for a thread, with sizes that are met twice, once and never. */
const state = (value: number) => ({
  a: tensor(new Float32Array(100_000).fill(value)),
  b: [tensor(new Float32Array(100_000).fill(-value)), tensor(value, { dtype: "i32" })],
  none: tensor([]),
});
let writer: CheckpointWriter;
beforeEach(() => {
  writer = new CheckpointWriter();
  writer.ready(state(0));
});
afterEach(() => writer.close());

/** What `saveCheckpoint` writes in this thread, and what the folder holds: names and bytes. */
const bytesOf = (dir: string) =>
  readdirSync(dir).map((name) => [name, readFileSync(join(dir, name), "latin1")]);

it("are the very files that one without a thread writes, again and again in the same memory", async () => {
  for (const value of [1, 2, 3]) {
    const [here, there] = [join(root, `here-${value}`), join(root, `there-${value}`)];
    await saveCheckpoint(here, state(value), { value });
    await (await writer.save(there, state(value), { value }, null)).written;
    expect(bytesOf(there)).toEqual(bytesOf(here));
  }
});

it("hold the state and the data as they were when the save was asked for", async () => {
  const dir = join(root, "as-was");
  const now = state(5);
  const data = { history: [1] };
  const { written } = await writer.save(dir, now, data, null);
  data.history.push(2);
  now.a.dispose();
  await written;
  const { tensors, manifest } = await loadCheckpoint(dir);
  expect(manifest.data).toEqual({ history: [1] });
  expect(new Set(await tensors.a?.data())).toEqual(new Set([5]));
  expect(await tensors["b/1"]?.item()).toBe(5);
});

it("come one after the other: each waits until the one before is on the disk", async () => {
  const dir = join(root, "in-turn");
  const order: string[] = [];
  const savings = [1, 2, 3].map(async (value) => {
    const { written } = await writer.save(dir, state(value), { value }, (saved) => saved);
    order.push(`copied ${value}`);
    void written.then(() => order.push(`written ${value}`));
    return written;
  });
  await Promise.all(savings);
  await writer.close();
  expect(order).toEqual([1, 2, 3].flatMap((value) => [`copied ${value}`, `written ${value}`]));
  expect(readdirSync(dir).filter((name) => name.startsWith("manifest-"))).toHaveLength(3);
  expect((await loadCheckpoint(dir)).manifest.data).toEqual({ value: 3 });
});

it("that fail reject with what the disk said, leave the checkpoint before, and let the next one try", async () => {
  const dir = join(root, "fails");
  await (await writer.save(dir, state(1), {}, null)).written;
  writeFileSync(join(root, "file"), "");
  const { written } = await writer.save(join(root, "file"), state(2), {}, null);
  await expect(written).rejects.toThrow(FileError);
  await (await writer.save(dir, state(3), {}, null)).written;
  expect(await (await loadCheckpoint(dir)).tensors["b/1"]?.item()).toBe(3);
});

it("are finished before the writer is closed, which can begin anew", async () => {
  const dir = join(root, "closed");
  const { written } = await writer.save(dir, state(1), { value: 1 }, null);
  let done = false;
  void written.then(() => {
    done = true;
  });
  await writer.close();
  expect(done).toBe(true);
  await (await writer.save(dir, state(2), { value: 2 }, null)).written;
  expect((await loadCheckpoint(dir)).manifest.data).toEqual({ value: 2 });
});
