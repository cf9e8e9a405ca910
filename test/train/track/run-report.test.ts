/** The report of a run: what is drawn is what was recorded, a classifier's matrix counts, damaged folders are told and survived. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { dataset } from "nabla/data";
import { readRun, runReport, statusOf, track, writeReport } from "nabla/train";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { evaluateClasses } from "../../../src/train/track/class-evaluation.ts";
import { NablaError } from "../../../src/util/index.ts";
import { make, rows } from "../trainer-parts.ts";

const root = mkdtempSync(join(tmpdir(), "nabla-report-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const dir = join(root, "run");
const validation = rows(32, 5);

beforeAll(async () => {
  const trainer = make({ callbacks: [track(dir, { every: 1, config: { note: "<b>&" } })] });
  await trainer.fit(rows(96), { epochs: 4, batchSize: 20, validation });
  await writeReport(dir, { trainer, validation, classes: ["low", "<mid>", "high"] });
}, 60_000);

describe("runReport", () => {
  it("stands alone: no scripts, nothing fetched, texts escaped", () => {
    const html = readFileSync(join(dir, "report.html"), "utf8");
    expect(html).not.toMatch(/<script|<link|(?:src|href)="(?!data:)|url\(/);
    expect(html).not.toMatch(/<b>&|<mid>/);
    expect(html).toContain("&lt;b&gt;&amp;");
    expect(html).toContain("&lt;mid&gt;");
  });

  it("draws loss, metrics, learning rate and speed, each with a table, and the validation's values", async () => {
    const html = readFileSync(join(dir, "report.html"), "utf8");
    const charts = [...html.matchAll(/<svg class="chart"[^>]*aria-label="([^"]*)"/g)].map(
      ([, title]) => title,
    );
    expect(charts).toEqual(["Loss", "Accuracy", "Learning rate", "Speed"]);
    for (const title of charts) expect(html).toContain(`<summary>${title} as a table</summary>`);
    const { history } = await readRun(dir);
    for (const { step, validation: scores } of history) {
      const value = String(Number((scores?.loss ?? Number.NaN).toPrecision(5)));
      expect(html).toContain(`<td>validation</td><td>${step}</td><td>${value}</td>`);
    }
  });

  it("shows what the doctor left: layers by telemetry, advice by gravity", async () => {
    const layer = { path: "layers/0", gradientNorm: 0.5, weightNorm: 2, updateNorm: 0.01 };
    const lines = [0, 50, 100].map((step) => JSON.stringify({ step, layers: [layer] }));
    writeFileSync(join(dir, "telemetry.jsonl"), `${lines.join("\n")}\n`);
    const remedies = [{ kind: "learning-rate", factor: 0.1 }];
    const findings = [{ id: "a", severity: "severe", text: "It <explodes>.", remedies }];
    writeFileSync(join(dir, "findings.json"), JSON.stringify({ findings }));
    const html = runReport(await readRun(dir));
    expect(html).toContain('aria-label="Gradient norms by layer"');
    expect(html).toContain("<td>layers/0</td><td>50</td><td>0.005</td>");
    expect(html).toContain("<strong>Severe</strong> It &lt;explodes&gt;.");
    expect(html).toContain("Try: learning rate, factor 0.1.");
    rmSync(join(dir, "telemetry.jsonl"));
    rmSync(join(dir, "findings.json"));
  });
});

describe("evaluateClasses", () => {
  it("counts targets against predictions, and orders mistakes by the probability of the right class", async () => {
    const data = dataset({
      x: [
        [1, 2],
        [3, 4],
        [5, 6],
        [7, 8],
      ],
      y: Int32Array.of(0, 1, 1, 0),
    });
    const logits = Float32Array.of(2, 0, 3, 0, 0, 1, 0, Math.log(3));
    const found = await evaluateClasses(logits, data, ["no", "yes"]);
    expect(found?.matrix).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(found?.classes).toEqual(["no", "yes"]);
    const sure = 1 / (1 + Math.exp(-3));
    expect(found?.mistakes).toEqual([
      {
        row: 1,
        target: 1,
        predicted: 0,
        confidence: expect.closeTo(sure, 3),
        probability: expect.closeTo(1 - sure, 4),
        picture: null,
        values: [3, 4],
      },
      { row: 3, target: 0, predicted: 1, confidence: 0.75, probability: 0.25, picture: null, values: [7, 8] },
    ]);
  });

  it("of the run agrees with its accuracy", async () => {
    const { evaluation, history } = await readRun(dir);
    const right = evaluation?.matrix.reduce((sum, cells, at) => sum + (cells[at] ?? 0), 0);
    expect((right ?? 0) / validation.length).toBeCloseTo(history.at(-1)?.validation?.accuracy as number, 6);
    expect(evaluation?.classes).toEqual(["low", "<mid>", "high"]);
  });

  it("shows rows of images as pictures", async () => {
    const x = { data: Float32Array.from({ length: 2 * 4 * 5 }, (_, i) => i), shape: [2, 4, 5, 1] };
    const found = await evaluateClasses(Float32Array.of(1, 0, 1, 0), dataset({ x, y: Int32Array.of(1, 0) }));
    const { default: sharp } = await import("sharp");
    const png = sharp(Buffer.from(found?.mistakes[0]?.picture ?? "", "base64"));
    expect(await png.metadata()).toMatchObject({ format: "png", width: 5, height: 4, channels: 1 });
    const pixels = await png.extractChannel(0).raw().toBuffer();
    expect([...pixels]).toEqual(Array.from({ length: 20 }, (_, i) => Math.round((i * 255) / 19)));
  });
});

describe("a folder that is not as it was left", () => {
  const copy = (name: string, files: Record<string, string>): string => {
    const path = join(root, name);
    mkdirSync(path, { recursive: true });
    for (const file of ["config.json", "history.jsonl", "steps.jsonl", "status.json", "evaluation.json"])
      writeFileSync(join(path, file), files[file] ?? readFileSync(join(dir, file)));
    return path;
  };

  it("is read but for what is damaged, which is named", async () => {
    const history = readFileSync(join(dir, "history.jsonl"), "utf8");
    const path = copy("damaged", {
      "history.jsonl": `${history.slice(0, -30)}\n{"epoch": "x"}\n`,
      "status.json": "[]",
      "evaluation.json": '{"rows": 3}',
    });
    const run = await readRun(path);
    expect(run.history.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    expect(run.problems).toEqual([
      "history.jsonl: 2 lines are damaged and left out",
      expect.stringMatching(/^status\.json: .*is not right/),
      expect.stringMatching(/^evaluation\.json: classes is not right/),
    ]);
    expect(runReport(run)).toContain("What could not be read");
    expect(statusOf(run).status).toBe("interrupted");
  });

  it("is refused where it is no run's", async () => {
    mkdirSync(join(root, "empty"));
    await expect(readRun(join(root, "empty"))).rejects.toThrow("it has no config.json");
    await expect(readRun(join(root, "nowhere"))).rejects.toThrow("does not exist");
    await expect(readRun(join(dir, "config.json"))).rejects.toThrow("it is a file");
  });

  it("never ends in anything but an error of ours, whatever its bytes", async () => {
    const original = new Map(
      ["config.json", "history.jsonl", "steps.jsonl", "status.json", "evaluation.json"].map((name) => [
        name,
        readFileSync(join(dir, name)),
      ]),
    );
    const path = join(root, "fuzzed");
    mkdirSync(path);
    const change = fc.tuple(
      fc.constantFrom(...original.keys()),
      fc.oneof(
        fc.uint8Array({ maxLength: 80 }),
        fc.json().map((text) => Buffer.from(text)),
      ),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.boolean(),
    );
    await fc.assert(
      fc.asyncProperty(change, async ([name, bytes, at, whole]) => {
        for (const [file, content] of original) writeFileSync(join(path, file), content);
        const before = original.get(name) as Buffer;
        const cut = Math.floor(at * before.length);
        writeFileSync(join(path, name), whole ? bytes : Buffer.concat([before.subarray(0, cut), bytes]));
        try {
          runReport(await readRun(path));
        } catch (error) {
          expect(error).toBeInstanceOf(NablaError);
        }
      }),
      { numRuns: 150, seed: 7 },
    );
  });
});
