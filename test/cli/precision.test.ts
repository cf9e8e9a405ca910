/** nabla train --precision: recorded, resumed, and the same bytes for any number of threads. */
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { type Ended, experiment, Workspace } from "./run.ts";

const space = new Workspace();
afterAll(() => space.remove());

// Wide enough for its steps to be cut over threads.
const model =
  "() => new Sequential(new Linear(4, 512), relu, new Linear(512, 512), relu, new Linear(512, 3))";
const file = space.write("wide.ts", experiment({ model, batchSize: "64", epochs: "2" }));

async function train(...args: string[]): Promise<Ended> {
  const done = await space.run(["train", ...args, "--quiet"]);
  expect(done.stderr).toBe("");
  expect(done.code).toBe(0);
  return done;
}
const configOf = (run: string) => JSON.parse(readFileSync(space.path(run, "config.json"), "utf8"));
/** Of the newest state: a resumed run keeps the one before too. */
function bytesOf(run: string): Buffer {
  const manifest = readFileSync(space.path(run, "checkpoint", "manifest.json"), "utf8");
  const [name] = /state-[0-9a-f]+\.safetensors/.exec(manifest) ?? ["none"];
  return readFileSync(space.path(run, "checkpoint", name));
}

describe.each(["bf16", "f16"])("--precision %s", (precision) => {
  it("is in config.json, goes on by itself, and gives the same bytes for 1 and 2 threads", async () => {
    const [one, two] = [`${precision}-1`, `${precision}-2`];
    await train(file, "--out", one, "--precision", precision, "--threads", "1");
    await train(file, "--out", two, "--precision", precision, "--threads", "2", "--epochs", "1");
    await train("--resume", two, "--threads", "2", "--epochs", "2");
    expect(configOf(two)).toMatchObject({ precision });
    expect(bytesOf(two).equals(bytesOf(one))).toBe(true); // toEqual takes a minute on megabytes
  });

  it("cannot be changed on the way", async () => {
    const { code, stderr } = await space.run([
      "train",
      "--resume",
      `${precision}-1`,
      "--precision",
      "f32",
      "--epochs",
      "3",
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain(`was trained with precision "${precision}", and this trainer has "f32"`);
  });
});

it("an experiment may say it, and nonsense is refused", async () => {
  await train(space.write("narrow.ts", experiment({ precision: '"bf16"', epochs: "1" })), "--out", "narrow");
  expect(configOf("narrow")).toMatchObject({ precision: "bf16" });
  const wrong = await space.run(["train", space.write("wrong.ts", experiment({ precision: '"half"' }))]);
  expect(wrong.stderr).toContain('precision must be "f32", "bf16" or "f16"; got "half"');
  const flag = await space.run(["train", file, "--precision", "half"]);
  expect(flag.code).toBe(2);
  expect(flag.stderr).toContain("Allowed choices are f32, bf16, f16");
});
