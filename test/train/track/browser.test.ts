/** The report in a real browser: it opens from disk, says nothing on the console, fetches nothing, and every chart has marks. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { dataset } from "nabla/data";
import { Conv2d, crossEntropy, Flatten, Linear, relu, Sequential } from "nabla/nn";
import { adam } from "nabla/optim";
import { samples, Trainer, track, writeReport } from "nabla/train";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const executable = [process.env.NABLA_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (path) => path !== undefined && existsSync(path),
);
const missing = executable === undefined;
if (missing) process.stderr.write("no chromium (NABLA_CHROMIUM): reports are not opened in a browser\n");

/** Screenshots stay, to be looked at. */
const pictures = new URL("../../../build/screenshots/", import.meta.url).pathname;

it.runIf(process.env.CI)("has a browser on CI", () => expect(executable).toBeDefined());

describe.skipIf(missing)("report.html in a browser", () => {
  const root = mkdtempSync(join(tmpdir(), "nabla-browser-"));
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executable ?? "", args: ["--no-sandbox"] });
    // Images whose class is told by a bright half; a third of the labels is wrong, so that there are mistakes.
    const images = (n: number) => {
      const data = Float32Array.from({ length: n * 64 }, (_, i) => {
        const [row, column] = [Math.floor(i / 64), i % 8];
        return Number(row % 2 === Math.floor(column / 4)) + 0.3 * Math.sin(i);
      });
      const y = Int32Array.from({ length: n }, (_, row) => (row % 3 === 0 ? 1 - (row % 2) : row % 2));
      return dataset({ x: { data, shape: [n, 8, 8, 1] }, y });
    };
    const trainer = new Trainer({
      model: new Sequential(new Conv2d(1, 2, 3), relu, new Flatten(), new Linear(72, 2)),
      loss: crossEntropy,
      optimizer: adam(1e-2),
      metrics: ["accuracy"],
      callbacks: [
        track(join(root, "run"), { every: 1 }),
        samples({ data: images(48), rows: [0, 3, 7], classes: ["upper", "lower"] }),
      ],
    });
    await trainer.fit(images(96), { epochs: 5, batchSize: 8, validation: images(48) });
    const layer = (path: string, norm: number) => ({
      path,
      gradientNorm: norm,
      weightNorm: 1,
      updateNorm: norm / 9,
    });
    const telemetry = [0, 20, 40].map((step) => ({
      step,
      layers: [layer("layers/0", 1 / (step + 1)), layer("layers/3", 2)],
    }));
    writeFileSync(
      join(root, "run", "telemetry.jsonl"),
      telemetry.map((line) => `${JSON.stringify(line)}\n`).join(""),
    );
    await writeReport(join(root, "run"), { trainer, validation: images(48) });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(root, { recursive: true, force: true });
  });

  for (const colorScheme of ["light", "dark"] as const) {
    it(`opens ${colorScheme}, without errors, with marks in every chart`, async () => {
      const page = await browser.newPage({ viewport: { width: 1240, height: 900 }, colorScheme });
      const said: string[] = [];
      page.on("console", (message) => said.push(message.text()));
      page.on("pageerror", (error) => said.push(String(error)));
      const asked: string[] = [];
      page.on("request", (request) => asked.push(request.url()));
      const url = pathToFileURL(join(root, "run", "report.html")).href;
      await page.goto(url);
      const charts = await page.$$eval("svg.chart", (all) =>
        all.map((svg) => ({
          title: svg.getAttribute("aria-label"),
          lines: [...svg.querySelectorAll("polyline")].map((line) => {
            const { width, height } = line.getBBox();
            return { points: line.points.length, extent: width + height };
          }),
          within: [...svg.querySelectorAll("text")].every((text) => {
            const [inner, outer] = [text.getBoundingClientRect(), svg.getBoundingClientRect()];
            return inner.left >= outer.left - 1 && inner.right <= outer.right + 1;
          }),
        })),
      );
      expect(charts.map(({ title }) => title)).toEqual([
        "Loss",
        "Accuracy",
        "Learning rate",
        "Gradient norms by layer",
        "Update ratios by layer",
        "Speed",
      ]);
      for (const { title, lines, within } of charts) {
        expect(lines.length, `${title}`).toBeGreaterThan(0);
        for (const { points, extent } of lines) {
          expect(points, `${title}`).toBeGreaterThan(1);
          expect(extent, `${title}`).toBeGreaterThan(50);
        }
        expect(within, `${title}: texts lie within`).toBe(true);
      }
      const images = (await page.evaluate(
        '[...document.querySelectorAll(".pictures img")].map(({ naturalWidth, alt }) => ({ width: naturalWidth, alt }))',
      )) as { width: number; alt: string }[];
      expect(images.length).toBeGreaterThan(5);
      for (const { width, alt } of images) {
        expect(width).toBe(8);
        expect(alt).toMatch(/^Row \d+: [01] taken for [01]$/);
      }
      const rows = await page.$$eval("table.samples tbody tr", (all) =>
        all.map((row) => ({
          cells: [...row.querySelectorAll("td")].map((cell) => cell.textContent),
          image: row.querySelector("img")?.naturalWidth,
        })),
      );
      expect(rows).toHaveLength(3);
      const shaded = await page.evaluate(
        '[...document.querySelectorAll("table.samples tbody td:is(.right, .wrong)")].filter((cell) => getComputedStyle(cell).backgroundColor !== "rgba(0, 0, 0, 0)").length',
      );
      expect(shaded).toBe(3 * 5);
      for (const { cells, image } of rows) {
        expect(image).toBe(8);
        expect(cells).toHaveLength(2 + 5);
        for (const cell of cells.slice(2)) expect(cell).toMatch(/^(upper|lower) \(\d+%\)$/);
      }
      expect(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")).toBe(true);
      const paper = String(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
      const red = Number(/\d+/.exec(paper)?.[0]);
      if (colorScheme === "light") expect(red).toBeGreaterThan(200);
      else expect(red).toBeLessThan(60);
      mkdirSync(pictures, { recursive: true });
      await page.screenshot({ path: join(pictures, `report-${colorScheme}.png`), fullPage: true });
      expect(said).toEqual([]);
      expect(asked.filter((request) => request !== url && !request.startsWith("data:"))).toEqual([]);
      await page.close();
    });
  }
});
