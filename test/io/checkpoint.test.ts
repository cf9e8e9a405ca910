import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ones, random, type Tensor, tensor, zeros } from "nabla";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  copyTree,
  encodeSafetensors,
  hasCheckpoint,
  loadCheckpoint,
  loadSafetensors,
  restoreTree,
  saveCheckpoint,
  saveSafetensors,
  type TensorsByPath,
} from "../../src/io/index.ts";
import { DataError } from "../../src/util/index.ts";

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "nabla-checkpoint-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const state = () => ({
  params: {
    "layers/0/weight": tensor([
      [1, 2, Number.NaN],
      [-0, 5, 1e-45],
    ]),
    bias: zeros([0]),
  },
  optimizer: [{ count: tensor(7, { dtype: "i32" }) }, []],
  key: random.key(2 ** 32 - 1),
  flags: tensor([true, false]),
  half: tensor([1.5, -2], { dtype: "f16" }),
  brain: tensor([1.5, -2], { dtype: "bf16" }),
  small: tensor([-128, 127], { dtype: "i8" }),
  bytes: tensor([0, 255], { dtype: "u8" }),
});

describe("saveSafetensors and loadSafetensors", () => {
  it("give back every dtype bit by bit, by path", async () => {
    const path = join(dir, "a.safetensors");
    const tree = state();
    await saveSafetensors(path, tree, { made: "here" });
    const loaded = await loadSafetensors(path);
    expect(Object.keys(loaded).sort()).toEqual([
      "brain",
      "bytes",
      "flags",
      "half",
      "key",
      "optimizer/0/count",
      "params/bias",
      "params/layers/0/weight",
      "small",
    ]);
    const back = restoreTree(tree, loaded, path);
    expect(back.params["layers/0/weight"].shape).toEqual([2, 3]);
    expect(Object.is((await back.params["layers/0/weight"].data())[3], -0)).toBe(true);
    expect(back.brain.dtype).toBe("bf16");
    await saveSafetensors(join(dir, "b.safetensors"), back, { made: "here" });
    expect(await readFile(join(dir, "b.safetensors"))).toEqual(await readFile(path));
  });

  it("convert the wider types of other libraries when the values fit", async () => {
    const path = join(dir, "wide.safetensors");
    const write = (dtype: "F64" | "I64" | "I16" | "U16" | "U64", array: ArrayBufferView) =>
      writeFile(
        path,
        Buffer.concat(
          encodeSafetensors(
            new Map([
              [
                "w",
                {
                  dtype,
                  shape: [2],
                  bytes: new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
                },
              ],
            ]),
          ),
        ),
      );
    const read = async () => {
      const { w } = await loadSafetensors(path);
      return [w?.dtype, await w?.array()];
    };
    await write("F64", Float64Array.of(0.5, -2));
    expect(await read()).toEqual(["f32", [0.5, -2]]);
    await write("I64", BigInt64Array.of(-5n, 2n ** 31n - 1n));
    expect(await read()).toEqual(["i32", [-5, 2 ** 31 - 1]]);
    await write("I64", BigInt64Array.of(-5n, 2n ** 31n));
    await expect(read()).rejects.toThrow("w: integers must fit in 32 bits; got 2147483648.");
    await write("U64", BigUint64Array.of(1n, 2n ** 32n));
    await expect(read()).rejects.toThrow("integers must fit in 32 bits");
    await write("I16", Int16Array.of(-300, 300));
    expect(await read()).toEqual(["i32", [-300, 300]]);
    await write("U16", Uint16Array.of(0, 65535));
    expect(await read()).toEqual(["i32", [0, 65535]]);
  });

  it("refuse leaves that are no tensors, and bools that are neither 0 nor 1", async () => {
    await expect(saveSafetensors(join(dir, "a"), { a: 3 })).rejects.toThrow(
      'every leaf must be a tensor; got number at "a"',
    );
    await expect(saveSafetensors(join(dir, "a"), { "b/c": ones([1]), b: { c: ones([1]) } })).rejects.toThrow(
      'paths must be distinct; got "b/c" twice',
    );
    const bytes = encodeSafetensors(
      new Map([["b", { dtype: "BOOL", shape: [2], bytes: Uint8Array.of(1, 2) }]]),
    );
    await writeFile(join(dir, "bool"), Buffer.concat(bytes));
    await expect(loadSafetensors(join(dir, "bool"))).rejects.toThrow(
      "a bool is stored as 0 or 1; byte 1 is 2",
    );
  });
});

describe("restoreTree", () => {
  const template = { a: zeros([2]), b: zeros([3], "i32") };
  const give = (tensors: Record<string, Tensor>) => () =>
    restoreTree(template, tensors as TensorsByPath, "file");

  it("names all that differs, and how much fits", () => {
    expect(give({ a: ones([2]) })).toThrow(
      "file: holds no b; 1 of 2 tensors fit. Was it saved by another model or optimizer?",
    );
    expect(give({ a: ones([2]), b: ones([3]) })).toThrow("file: b must be i32[3], and is f32[3]; 1 of 2");
    expect(give({ a: ones([2]), b: ones([3], "i32"), c: ones([1]) })).toThrow(
      "file: holds c, which is not expected; 2 of 2 tensors fit.",
    );
    expect(give({ a: ones([4]), bb: ones([3], "i32"), c: ones([1]) })).toThrow(
      "file: holds no b (is it bb?); a must be f32[2], and is f32[4]; holds bb, c, which are not expected; 0 of 2",
    );
  });

  it("names four of many", () => {
    const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`w${i}`, ones([1])]));
    expect(() => restoreTree(many, {}, "file")).toThrow("holds no w0, w1, w2, w3 and 5 more; 0 of 9");
    expect(() => restoreTree({}, many, "file")).toThrow(
      "holds w0, w1, w2, w3 and 5 more, which are not expected",
    );
  });
});

describe("copyTree", () => {
  it("copies into memory of its own", async () => {
    const tree = { a: tensor([1, 2]), b: [tensor(3, { dtype: "i32" })] };
    const copy = await copyTree(tree);
    tree.a.dispose();
    expect(await copy.a.array()).toEqual([1, 2]);
    expect(copy.b[0]?.dtype).toBe("i32");
  });
});

describe("checkpoints", () => {
  it("save and load a state with the writer's own data, and keep one state file", async () => {
    const folder = join(dir, "deep", "checkpoint");
    expect(await hasCheckpoint(folder)).toBe(false);
    await saveCheckpoint(folder, { w: ones([2]) }, { epoch: 1 });
    await saveCheckpoint(folder, { w: zeros([2]) }, { epoch: 2 });
    expect(await hasCheckpoint(folder)).toBe(true);
    expect(await readdir(folder)).toHaveLength(2);
    const { manifest, tensors } = await loadCheckpoint(folder);
    expect(manifest.data).toEqual({ epoch: 2 });
    expect(await tensors.w?.array()).toEqual([0, 0]);
  });

  it("are equal bytes for equal states", async () => {
    await saveCheckpoint(join(dir, "a"), state(), { epoch: 1 });
    await saveCheckpoint(join(dir, "b"), state(), { epoch: 1 });
    const names = await readdir(join(dir, "a"));
    expect(await readdir(join(dir, "b"))).toEqual(names);
    for (const name of names) {
      expect(await readFile(join(dir, "a", name))).toEqual(await readFile(join(dir, "b", name)));
    }
  });

  it("take away what a save that was killed left behind", async () => {
    await writeFile(join(dir, ".01234567-89ab-cdef-0123-456789abcdef.tmp"), "half");
    const { file } = await saveCheckpoint(dir, { w: ones([2]) });
    expect((await readdir(dir)).sort()).toEqual(["manifest.json", file]);
  });

  it("do not replace what a newer nabla has saved", async () => {
    const { file } = await saveCheckpoint(dir, { w: ones([2]) });
    const manifest = JSON.parse(await readFile(join(dir, "manifest.json"), "utf8"));
    await writeFile(join(dir, "manifest.json"), JSON.stringify({ ...manifest, version: 2 }));
    await expect(saveCheckpoint(dir, { w: zeros([2]) })).rejects.toThrow(
      "holds a checkpoint of a newer nabla, which a save would replace",
    );
    expect((await readdir(dir)).sort()).toEqual(["manifest.json", file]);
  });

  it("keep the previous one when the new one cannot be written", async () => {
    await saveCheckpoint(dir, { w: ones([2]) }, { epoch: 1 });
    await expect(saveCheckpoint(dir, { w: 3 })).rejects.toThrow(DataError);
    // A circular structure fails in the middle: after the tensors, at the manifest.
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    await expect(saveCheckpoint(dir, { w: zeros([2]) }, loop)).rejects.toThrow(TypeError);
    const { manifest, tensors } = await loadCheckpoint(dir);
    expect(manifest.data).toEqual({ epoch: 1 });
    expect(await tensors.w?.array()).toEqual([1, 1]);
    expect(await readdir(dir)).toHaveLength(2);
  });

  it("say what is damaged", async () => {
    await expect(loadCheckpoint(dir)).rejects.toThrow("manifest.json: cannot read: it does not exist");
    const manifest = join(dir, "manifest.json");
    await writeFile(manifest, "{");
    await expect(loadCheckpoint(dir)).rejects.toThrow("must be JSON");
    await writeFile(manifest, "{}");
    await expect(loadCheckpoint(dir)).rejects.toThrow("is not the manifest of a checkpoint");
    await writeFile(manifest, JSON.stringify({ format: "nabla-checkpoint", version: 2 }));
    await expect(loadCheckpoint(dir)).rejects.toThrow(
      "the version must be 1; got 2. It was saved by a newer nabla.",
    );
    const newer = { format: "nabla-checkpoint", version: 7, file: "state-0123456789abcdef.safetensors" };
    await writeFile(manifest, JSON.stringify(newer));
    await expect(loadCheckpoint(dir)).rejects.toThrow(
      "The weights in state-0123456789abcdef.safetensors may be read by loadSafetensors, or initFromFile.",
    );
    const leaving = { format: "nabla-checkpoint", version: 1, file: "../x", bytes: 1, sha256: "", data: {} };
    await writeFile(manifest, JSON.stringify(leaving));
    await expect(loadCheckpoint(dir)).rejects.toThrow("The checkpoint is damaged");
    const { file } = await saveCheckpoint(dir, { w: ones([2]) });
    await rm(join(dir, file));
    await expect(loadCheckpoint(dir)).rejects.toThrow("it does not exist");
  });
});
