/** Every bad input ends in one line that names the cause and the cure, with exit code 1 (2 for usage), and loses nothing. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ended, experiment, Workspace } from "./run.ts";

const space = new Workspace();
afterAll(() => space.remove());

/** One line on stderr, nothing on stdout, no stack. */
function expectLine(result: Ended, line: string | RegExp, code = 1): void {
  const text = result.stderr.trimEnd();
  if (typeof line === "string") expect(text).toBe(`nabla: ${line}`);
  else expect(text).toMatch(line);
  expect(text).not.toContain("\n");
  expect(result.stdout).toBe("");
  expect(result.code).toBe(code);
}

/** Runs `nabla train` on an experiment with these fields changed; nothing may be left behind. */
async function trainWith(change: Record<string, string>, before = "", ...args: string[]): Promise<Ended> {
  const file = space.write("experiment.ts", experiment(change, before));
  const result = await space.run(["train", file, "--quiet", ...args]);
  expect(existsSync(space.path("runs"))).toBe(false);
  return result;
}

describe("usage, exit code 2", () => {
  it.each<[string[], string]>([
    [
      ["train", "x.ts", "--epcohs", "3"],
      "unknown option '--epcohs' (Did you mean --epochs?). See nabla --help.",
    ],
    [["tarin"], "unknown command 'tarin' (Did you mean train?). See nabla --help."],
    [
      ["train", "x.ts", "--epochs", "0"],
      "option '--epochs <n>' argument '0' is invalid. It must be a whole number of at least 1. See nabla --help.",
    ],
    [
      ["train", "x.ts", "--lr", "fast"],
      "option '--lr <rate>' argument 'fast' is invalid. It must be a number above 0. See nabla --help.",
    ],
    [["train"], "train: name an experiment file, as in: nabla train examples/mnist-mlp.ts"],
    [["train", "x.ts", "--optimizer", "adma"], '--optimizer: there is no "adma". Did you mean "adam"?'],
    [["evaluate"], "missing required argument 'run'. See nabla --help."],
  ])("%j", async (args, line) => {
    expectLine(await space.run(args), line, 2);
  });
});

describe("the experiment file", () => {
  it("missing", async () => {
    expectLine(await space.run(["train", "nope.ts"]), "nope.ts: the file does not exist. Check the path.");
  });

  it("a folder, and another kind of file", async () => {
    mkdirSync(space.path("folder.ts"));
    expectLine(
      await space.run(["train", "folder.ts"]),
      "folder.ts: must be an experiment file; it is a folder.",
    );
    space.write("a.py", "");
    expectLine(
      await space.run(["train", "a.py"]),
      "a.py: an experiment must be a .ts, .mts, .js or .mjs file.",
    );
  });

  it("syntax error, with its line, in TypeScript and JavaScript", async () => {
    space.write("bad.ts", "const a: number = 1;\n\nconst b = ;\n");
    expectLine(await space.run(["train", "bad.ts"]), 'bad.ts:3:11: syntax error: Unexpected ";".');
    space.write("bad.mjs", "const a = 1;\nconst b = ;\n");
    expectLine(await space.run(["train", "bad.mjs"]), "bad.mjs:2: syntax error: Unexpected token ';'.");
  });

  it("an import that does not exist", async () => {
    space.write("import.ts", 'import "no-such-package";\nexport default 1;\n');
    expectLine(
      await space.run(["train", "import.ts"]),
      /^nabla: import\.ts: Cannot find package 'no-such-package'.* Install it with npm, or check the name\.$/,
    );
    space.write("name.ts", 'import { Liner } from "nabla/nn";\nexport default Liner;\n');
    expectLine(
      await space.run(["train", "name.ts"]),
      /^nabla: name\.ts:1: syntax error: The requested module 'nabla\/nn' does not provide an export named 'Liner'\.$/,
    );
  });

  it("no default export, and one of another kind", async () => {
    space.write("none.ts", "export const a = 1;\n");
    expectLine(
      await space.run(["train", "none.ts"]),
      "none.ts: must default-export defineExperiment({ ... }); it has no default export.",
    );
    space.write("number.ts", "export default 1;\n");
    expectLine(
      await space.run(["train", "number.ts"]),
      "number.ts: experiment: must be an object, made by defineExperiment({ ... }).",
    );
  });

  it("an unknown, a missing and a mistyped field", async () => {
    expectLine(
      await trainWith({ epoch: "3" }),
      'experiment.ts: experiment: there is no field "epoch". Did you mean "epochs"?',
    );
    const without = experiment().replace(/^ {2}model:.*\n/m, "");
    space.write("without.ts", without);
    expectLine(
      await space.run(["train", "without.ts"]),
      'without.ts: experiment: the field "model" is missing; it must be a Module or a function that makes one.',
    );
    expectLine(
      await trainWith({ epochs: '"3"' }),
      'experiment.ts: experiment: epochs must be a whole number of at least 1; got "3".',
    );
    expectLine(
      await trainWith({ metrics: '["acuracy"]' }),
      'experiment.ts: experiment: metrics/0 must be a list of metrics (accuracy, topKAccuracy, precision, recall, f1, rocAuc, prAuc, logLoss, perplexity, calibrationError, mse, mae, rmse, r2) or of your own; got "acuracy". Did you mean "accuracy"?',
    );
  });

  it("an error of its own code: its place, and the stack only with --debug", async () => {
    space.write("throws.ts", "const a: number[] = [];\n\na.nope();\nexport default a;\n");
    const line =
      /^nabla: \S*throws\.ts:3: TypeError: a\.nope is not a function\. Run again with --debug for the stack\.$/;
    expectLine(await space.run(["train", "throws.ts"]), line);
    const debug = await space.run(["train", "throws.ts", "--debug"]);
    expect(debug.stderr.split("\n").length).toBeGreaterThan(3);
    expect(debug.code).toBe(1);
    expect((await space.run(["train", "throws.ts"], { env: { NABLA_DEBUG: "1" } })).stderr).toContain(
      "\n    at ",
    );
  });
});

describe("model and data", () => {
  it("wrong shapes, naming the layer", async () => {
    expectLine(
      await trainWith({ model: "() => new Sequential(new Linear(4, 8), relu, new Linear(9, 3))" }),
      /^nabla: experiment\.ts: Linear layers\/2: input's last axis must be 9; got f32\[20,8\]\.$/,
    );
    expectLine(
      await trainWith({ model: "() => new Linear(5, 3)" }),
      /^nabla: experiment\.ts: Linear: input's last axis must be 5; got f32\[20,4\]\.$/,
    );
  });

  it("labels out of range, naming row and label", async () => {
    expectLine(
      await trainWith({ model: "() => new Linear(4, 2)" }),
      "experiment.ts: the training data: labels must be in [0, 2), as the model has 2 outputs; row 2 has label 2. Give the last layer more outputs, or fix the labels; for rows that do not count, give the loss { ignoreIndex }.",
    );
  });

  it("an empty data set", async () => {
    expectLine(
      await trainWith({ data: "() => ({ train: rows(0) })" }),
      "experiment.ts: dataset: there must be at least one row; got an empty data set.",
    );
  });

  it("NaN in the input, naming row and column", async () => {
    expectLine(
      await trainWith({ data: "() => ({ train: dataset({ x: [[1, 2], [3, NaN]], y: [0, 1] }) })" }),
      "experiment.ts: dataset: values must be finite; x row 1, column 1 is NaN. Drop or impute that row, or pass allowNonFinite: true.",
    );
  });

  it("data and model of the wrong kind", async () => {
    expectLine(
      await trainWith({ data: "() => rows(3)" }),
      /data must give \{ train, validation\? \} of data sets, as mnist\(\) does \(train may be a source, loader or stream\); got an object with x, y, length\.$/,
    );
    expectLine(
      await trainWith({ model: "() => 3 as never" }),
      /model must give a Module, as new Sequential\(\.\.\.\) does; got 3\.$/,
    );
  });

  it("a truncated and a corrupt IDX file", async () => {
    mkdirSync(space.path("mnist"), { recursive: true });
    const idx = (magic: number[], sizes: number[], length: number) =>
      new Uint8Array([
        ...magic,
        ...sizes.flatMap((size) => [0, 0, size >> 8, size & 255]),
        ...new Uint8Array(length),
      ]);
    const write = (images: Uint8Array) => {
      for (const part of ["train", "t10k"]) {
        writeFileSync(space.path("mnist", `${part}-images-idx3-ubyte`), images);
        writeFileSync(space.path("mnist", `${part}-labels-idx1-ubyte`), idx([0, 0, 8, 1], [2], 2));
      }
    };
    const data = { data: '() => mnist({ dir: "mnist" })' };
    write(idx([0, 0, 8, 3], [2, 28, 28], 1500));
    expectLine(
      await trainWith(data),
      /train-images-idx3-ubyte: 2x28x28 elements take 1584 bytes; got 1516 \(truncated\)\. The file is damaged: fetch it again\.$/,
    );
    write(idx([1, 0, 8, 3], [2, 28, 28], 1568));
    expectLine(
      await trainWith(data),
      /train-images-idx3-ubyte: an IDX file starts with the magic bytes 00 00; got 01 00 08 03\. Is it an IDX file\?$/,
    );
  });

  it("a loss that becomes infinite, naming the step", async () => {
    const file = space.write("diverges.ts", experiment({ optimizer: "sgd(1e30)", epochs: "5" }));
    const result = await space.run(["train", file, "--quiet", "--out", "diverged"]);
    expectLine(
      result,
      /^nabla: diverges\.ts: fit: the loss must stay finite; at step \d+ \(epoch \d, batch \d\) it is not\. With \{ debug: true \} \(nabla train: --debug\) the operation is named\. Try a lower learning rate, clipByGlobalNorm\(1\)/,
    );
  });
});

describe("device", () => {
  it("unknown", async () => {
    expectLine(
      await trainWith({}, "", "--device", "tpu"),
      /^nabla: device: must be one of cpu, reference; got "tpu"\.$/,
    );
  });
});

describe("the run's folder", () => {
  const file = "run.ts";
  beforeAll(async () => {
    space.write(file, experiment());
    const made = await space.run(["train", file, "--quiet", "--out", "made"]);
    expect([made.stderr, made.code]).toEqual(["", 0]);
  }, 60_000);

  it("that cannot be written fails before training", async () => {
    space.write("blocked", "");
    // So many epochs that the test would time out if they were begun.
    expectLine(
      await space.run(["train", file, "--quiet", "--out", "blocked/run", "--epochs", "100000000"]),
      /^nabla: run\.ts: \S+blocked\/run: cannot create the folder: a part of the path is a file, not a folder\. Choose another path\.$/,
    );
  });

  it("that holds a run is not written over", async () => {
    const before = readFileSync(space.path("made", "summary.json"), "utf8");
    expectLine(
      await space.run(["train", file, "--quiet", "--out", "made"]),
      /--out: made holds a run already\. Choose another folder, or go on with it: nabla train --resume made$/,
      2,
    );
    expect(readFileSync(space.path("made", "summary.json"), "utf8")).toBe(before);
  });

  it("that is none", async () => {
    expectLine(
      await space.run(["evaluate", "nothing"]),
      "nothing: must be the folder of a run; it has no config.json. Check the path.",
    );
    expectLine(
      await space.run(["train", "--resume", "nothing"]),
      "nothing: must be the folder of a run; it has no config.json. Check the path.",
    );
  });

  it("with a truncated, a corrupt or a missing checkpoint", async () => {
    const dir = space.path("made", "checkpoint");
    const state = readdirSync(dir).find((name) => name.endsWith(".safetensors")) as string;
    const path = space.path("made", "checkpoint", state);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, 100));
    expectLine(
      await space.run(["evaluate", "made"]),
      new RegExp(
        `${state}: must be ${bytes.length} bytes; got 100 \\(truncated\\)\\. The checkpoint is damaged: restore it from a copy, or train again\\.$`,
      ),
    );
    expectLine(
      await space.run(["train", "--resume", "made", "--quiet"]),
      /\(truncated\)\. The checkpoint is damaged: restore it from a copy, or train again\.$/,
    );
    const flipped = Uint8Array.from(bytes);
    flipped[bytes.length - 1] = (flipped[bytes.length - 1] as number) ^ 1;
    writeFileSync(path, flipped);
    expectLine(
      await space.run(["evaluate", "made"]),
      /its digest is not the manifest's\. The checkpoint is damaged: restore it from a copy, or train again\.$/,
    );
    // One by its number, and the one in force.
    const manifests = readdirSync(dir).filter((name) => name.endsWith(".json"));
    const text = readFileSync(space.path("made", "checkpoint", "manifest.json"), "utf8");
    for (const name of manifests) writeFileSync(space.path("made", "checkpoint", name), text.slice(0, 50));
    expectLine(
      await space.run(["evaluate", "made"]),
      /manifest-\d+\.json: must be JSON; got .*\. The checkpoint is damaged: restore it from a copy, or train again\.$/,
    );
    writeFileSync(path, bytes);
    for (const name of manifests) writeFileSync(space.path("made", "checkpoint", name), text);
    expect((await space.run(["evaluate", "made", "--quiet"])).code).toBe(0);
  });

  it("of a model that has changed since", async () => {
    space.write(file, experiment({ model: "() => new Linear(4, 3)" }));
    expectLine(
      await space.run(["evaluate", "made"]),
      /holds no params\/bias, params\/weight; holds params\/layers\/0\/bias, .* 0 of 2 tensors fit\. Was it saved by another model or optimizer\?$/,
    );
    space.write(file, experiment());
  });

  it("on a disk that is full fails before training, or keeps the previous checkpoint; and can go on", async () => {
    // A state of 24 KB: the kernel itself refuses files above 8 KB (or 1), as a full disk would refuse any.
    space.write(
      "big.ts",
      experiment({ model: "() => new Sequential(new Linear(4, 256), relu, new Linear(256, 3))" }),
    );
    expect((await space.run(["train", "big.ts", "--out", "big", "--quiet"])).code).toBe(0);
    const files = () => {
      const names = [
        "history.jsonl",
        ...readdirSync(space.path("big", "checkpoint")).map((name) => `checkpoint/${name}`),
      ];
      return names.map((name) => [name, readFileSync(space.path("big", name)).toString("base64")]);
    };
    const before = files();
    const more = ["train", "--resume", "big", "--epochs", "5", "--quiet"];
    const limited = (blocks: number) =>
      space.run(more, { shell: `ulimit -f ${blocks}`, env: { TSX_DISABLE_CACHE: "1" } });
    const kept = /\. .* What was saved before is whole: nabla train --resume big$/;
    const nothing = await limited(2);
    expectLine(
      nothing,
      /big\/checkpoint: cannot write to the folder: the file would be larger than the system allows/,
    );
    expectLine(nothing, kept);
    expect(files()).toEqual(before);
    const full = await limited(16);
    expectLine(
      full,
      /state-[0-9a-f]+\.safetensors: cannot write: the file would be larger than the system allows/,
    );
    expectLine(full, kept);
    expect(files().slice(1)).toEqual(before.slice(1));
    const again = await space.run([...more, "--json"]);
    expect([again.stderr, again.code]).toEqual(["", 0]);
    expect(JSON.parse(again.stdout).epochs).toBe(5);
    const { data } = JSON.parse(readFileSync(space.path("big", "checkpoint", "manifest.json"), "utf8"));
    expect(data.history.map(({ epoch }: { epoch: number }) => epoch)).toEqual([1, 2, 3, 4, 5]);
  });
});
