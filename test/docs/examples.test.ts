/** What the documentation shows is run. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tensor } from "nabla";
import type { Dataset } from "nabla/data";
import type { Attempt, Examination, Finding } from "nabla/doctor";
import { crossEntropy, Linear, type Module, relu, Sequential } from "nabla/nn";
import { adam, type Optimizer } from "nabla/optim";
import {
  type Callback,
  type CompareResult,
  type EpochRecord,
  type FitResult,
  type Run,
  Trainer,
} from "nabla/train";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { blocks, load } from "./pages.ts";

const folder = mkdtempSync(join(tmpdir(), "nabla-docs-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.restoreAllMocks();
});

const [byHand, withTrainer, using] = blocks("README.md") as [string, string, string];
const written = (page: string, file: string): string =>
  blocks(page).find((block) => block.startsWith(`// ${file}\n`)) as string;

test("README: the loop by hand learns", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  await load("by-hand", byHand);
  const [word, loss] = log.mock.calls.at(-1) as [string, number];
  expect(word).toBe("loss");
  expect(loss).toBeLessThan(0.1);
  expect(byHand.trim().split("\n").length).toBeLessThanOrEqual(22);
});

test("docs/checkpoints.md: saved, loaded in part and resumed", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const [block = ""] = blocks("docs/checkpoints.md");
  const { again } = (await load(
    "checkpoints",
    `${block.replace("runs/small", `${folder.replaceAll("\\", "/")}/small`)}export { again };\n`,
  )) as { again: Trainer };
  expect(`// ${log.mock.calls.at(-1)?.[0]}\n`).toBe(/^\/\/ 2 of 4.*\n/m.exec(block)?.[0]);
  expect(again.position.epoch).toBe(5);
});

test("README: the trainer learns", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  vi.spyOn(process.stdout, "write").mockImplementation(() => true);
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  await load(
    "with-trainer",
    withTrainer.replace("epochs: 10", "epochs: 1").replace("runs/mnist", folder.replaceAll("\\", "/")),
  );
  const scores = log.mock.calls.at(-1)?.[0] as { accuracy: number };
  expect(scores.accuracy).toBeGreaterThan(0.9);
});

test("schedules: layers, loss and optimizer follow the step, and averages are evaluated", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  const [code] = blocks("docs/schedules.md") as [string];
  await load(
    "schedules",
    code
      .replace("steps = 4000", "steps = 469")
      .replace("epochs: 8", "epochs: 1")
      .replace("decay: 0.998", "decay: 0.98"),
  );
  const scores = log.mock.calls.at(-1)?.[0] as { accuracy: number };
  expect(scores.accuracy).toBeGreaterThan(0.9);
});

test("batch sizes: grow by the noise", async () => {
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  const [code] = blocks("docs/batch-size.md") as [string];
  const short = code
    .replace("fit(train, { epochs: 10", "fit(train.head(6000), { epochs: 2")
    .replace("max: 1024 })", "max: 64, every: 5 })")
    .replace("validation: test", "validation: test.head(1000)");
  const { trainer } = await load("batch-size", `${short}\nexport { trainer };`);
  const record = (trainer as Trainer).history[1];
  expect(record?.batch?.size).toBe(64);
  expect(record?.validation?.accuracy).toBeGreaterThan(0.85);
});

test("tracking: a folder, event files and a report", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const [code] = blocks("docs/tracking.md") as [string];
  const short = code
    .replaceAll("runs/by-hand", join(folder, "by-hand").replaceAll("\\", "/"))
    .replace("fit(train, { epochs: 3", "fit(train.head(6000), { epochs: 2")
    .replace(/(?<=[n:] )test\b(?= \}\))/g, "test.head(500)");
  await load("tracking", short);
  const report = readFileSync(log.mock.calls.at(-1)?.[0] as string, "utf8");
  expect(report).toContain("Confusion matrix");
  expect(readdirSync(join(folder, "by-hand")).sort()).toEqual([
    "config.json",
    "environment.json",
    "evaluation.json",
    "history.jsonl",
    "plan.txt",
    "report.html",
    "status.json",
    "steps.jsonl",
    "summary.json",
    "tensorboard",
  ]);
});

test("callbacks: one of ten lines stops a run, and goes on counting in a resumed one", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const [custom] = blocks("docs/callbacks.md") as [string];
  const own = /let wide = 0;\nconst gap: Callback = \{\n.*?\n\};\n/s.exec(custom)?.[0] ?? "";
  expect(own.trim().split("\n")).toHaveLength(10);
  const place = join(folder, "gap").replaceAll("\\", "/");
  const { gap, trainer, train, validation } = await load(
    "callbacks-custom",
    `${custom.replace("runs/gap", place)}\nexport { gap, trainer, train, validation };`,
  );
  expect(log).toHaveBeenCalledWith("validation has been a fifth above training for 3 epochs");
  const whole = trainer as Trainer;
  expect(whole.position.epoch).toBeLessThan(500);
  // Two of the three epochs before, one after: it stops where the run that never stopped did.
  const cut = whole.position.epoch - 1;
  const data = { train: train as Dataset, options: { batchSize: 10, validation: validation as Dataset } };
  const make = () =>
    new Trainer({
      model: new Sequential(new Linear(3, 64), relu, new Linear(64, 2)),
      loss: crossEntropy,
      optimizer: adam(1e-2),
      callbacks: [gap as Callback],
    });
  (gap as Callback).restore?.(0, {} as Run);
  const part = make();
  await part.fit(data.train, { epochs: cut, ...data.options });
  await part.save(join(folder, "cut"));
  (gap as Callback).restore?.(0, {} as Run);
  const rest = make();
  await rest.resume(join(folder, "cut"));
  await rest.fit(data.train, { epochs: 500, ...data.options });
  expect(rest.position).toEqual(whole.position);
});

test("callbacks: all of them together", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  const [, all] = blocks("docs/callbacks.md") as [string, string];
  const short = all
    .replaceAll("runs/callbacks", join(folder, "callbacks").replaceAll("\\", "/"))
    .replace("fit(train, { epochs: 10", "fit(train.head(12800), { epochs: 5")
    .replace("stepBudget(20_000)", "stepBudget(450)")
    .replace("validation: test })", "validation: test.head(1000) })");
  const { epochs, result } = await load("callbacks-all", `${short}\nexport { epochs, result };`);
  expect(log).toHaveBeenCalledWith("the budget of 450 steps is spent", 4);
  expect((epochs as EpochRecord[]).at(-1)?.validation?.accuracy).toBeGreaterThan(0.8);
  expect((result as FitResult).history).toEqual(epochs);
  expect(readdirSync(join(folder, "callbacks"))).toContain("samples.jsonl");
});

test("tables: a pipeline by hand", async () => {
  const [code] = blocks("docs/tabular.md") as [string];
  const { x, counts, names } = await load("tabular", code);
  expect(names).toEqual(["rooms", "rooms:missing", "town=Bern", "town=Oslo", "town=Rom", "town:unknown"]);
  // Of 3, 4 (the median), 5, 4 the mean is 4 and the variance 0.5.
  const { data } = x as { data: Float32Array };
  expect(data[0]).toBeCloseTo((2 - 4) / Math.sqrt(0.5), 5);
  expect([...data.subarray(2)]).toEqual([0, 1, 0, 0]);
  expect(counts).toEqual([]);
});

test("README: a model is used for one row and for many", async () => {
  const { logits, all } = await load("using", `${using}\nexport { logits, all };`);
  expect(logits).toHaveLength(10);
  expect((all as ReturnType<typeof tensor>).shape).toEqual([5000, 10]);
});

test("adding an optimizer: Lion's two first steps", async () => {
  const { scaleByLion } = await load(
    "lion",
    written("docs/adding-an-op.md", "src/optim/links/scale-by-lion.ts"),
  );
  const optimizer = (scaleByLion as () => Optimizer)();
  const params = { p: tensor([1, 1, 1]) };
  const [first, state] = optimizer.update({ p: tensor([2, -3, 0]) }, optimizer.init(params), params);
  expect(await first.p.data()).toEqual(Float32Array.of(1, -1, 0));
  // m = 0.01 g = [0.02, -0.03, 0]; 0.9 m + 0.1 g' changes sign where g' outweighs it.
  const [second] = optimizer.update({ p: tensor([-0.1, 0.4, -1]) }, state, params);
  expect(await second.p.data()).toEqual(Float32Array.of(1, 1, -1));
});

test("adding a layer: ScaleNorm", async () => {
  const { ScaleNorm } = await load(
    "scale-norm",
    written("docs/adding-an-op.md", "src/nn/norm/scale-norm.ts"),
  );
  const layer = new (ScaleNorm as new (size: number) => Module)(2).init(0);
  const y = await (layer.forward as (x: unknown) => ReturnType<typeof tensor>)(tensor([[3, 4]])).data();
  expect(y[0]).toBeCloseTo((3 / 5) * Math.SQRT2, 6);
  expect(y[1]).toBeCloseTo((4 / 5) * Math.SQRT2, 6);
  expect(Object.keys(layer.parameters())).toEqual(["weight"]);
});

test("second order: Sophia by hand, and work that is due now and then", async () => {
  const [byHand, due] = blocks("docs/second-order.md") as [string, string];
  const { final } = await load("second-order", byHand);
  expect(final).toBeLessThan(0.5);
  const { renewed } = (await load("due", due)) as Record<
    string,
    (...args: unknown[]) => ReturnType<typeof tensor>
  >;
  const root = tensor([1, 2]);
  const at = (count: number) => renewed?.(tensor(count, { dtype: "i32" }), root, () => root.mul(5)).array();
  expect([await at(10), await at(11)]).toEqual([
    [5, 10],
    [1, 2],
  ]);
});

test("choosing how to train: both functions find a setting that learns", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const [program] = blocks("docs/choosing.md") as [string];
  const { race, suggestion, page } = await load("choosing", `${program}\nexport { race, suggestion, page };`);
  const { finalists, trials } = race as CompareResult;
  expect(log).toHaveBeenCalledOnce();
  expect(suggestion).toBeGreaterThan(1e-5);
  expect(trials).toHaveLength(12);
  expect(finalists[0]?.mean).toBeLessThan(0.6);
  expect(page).toContain("Best: ");
});

test("loading: a balanced run, rows from workers, a stream", async () => {
  const [balanced, rowsOfWaves, reading, streaming] = blocks("docs/loading.md") as [
    string,
    string,
    string,
    string,
  ];
  const { trainer } = await load("loading-balanced", `${balanced}\nexport { trainer };`);
  expect((trainer as Trainer).history).toHaveLength(5);
  // Beside the block that names it.
  writeFileSync(join(import.meta.dirname, "../../build/docs/wave-rows.ts"), rowsOfWaves);
  const { cursor } = await load("loading-workers", `${reading}\nexport { cursor };`);
  expect(cursor).toEqual({ epoch: 0, batch: 31 });
  const { seen } = await load("loading-stream", `${streaming}\nexport { seen };`);
  expect((seen as Set<number>).size).toBe(120);
});

test("augmentation: the pipeline gives images and probabilities", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  await load("augmentation", blocks("docs/augmentation.md")[0] as string);
  expect(log.mock.calls.at(-1)).toEqual([
    [8, 32, 32, 3],
    [8, 10],
  ]);
});

test("the doctor: a rate that is too high shows while training, and a doubled sigmoid is fixed", async () => {
  vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  const [watching, fixing] = blocks("docs/doctor.md") as [string, string];
  const { findings } = await load("doctor", `${watching}\nexport { findings };`);
  expect((findings as Finding[]).map(({ id }) => id)).toContain("learning-rate-too-high");
  const { before, kept, fixed } = await load("doctor-fix", `${fixing}\nexport { before, kept, fixed };`);
  expect((before as Examination).findings[0]?.id).toBe("probabilities-into-loss");
  expect((kept as Attempt).remedies).toContainEqual({ kind: "remove-layer", path: "layers/3" });
  expect(fixed).toHaveProperty("name", "twice");
});

test("precision: a trainer in bf16", async () => {
  await load("precision", blocks("docs/precision.md")[0] as string);
});
