/** What docs/text.md and docs/images.md show is run. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Dataset } from "nabla/data";
import sharp from "sharp";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { blocks, load } from "./pages.ts";

const folder = mkdtempSync(join(tmpdir(), "nabla-docs-"));
const within = (name: string) => JSON.stringify(join(folder, name));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.restoreAllMocks();
});

test("text: a bag of words learns, windows are cut", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const [bag, windows] = blocks("docs/text.md") as [string, string];
  await load("text", bag.replace('"tokenizer.json"', within("tokenizer.json")));
  expect(log.mock.lastCall?.[0]).toMatchObject({ accuracy: 1 });
  const made = (await load("windows", windows)).windows as Dataset;
  expect(made.x.shape).toEqual(made.y.shape);
  expect(made.x.shape[1]).toBe(16);
});

test("images: a folder is learnt, files are read", async () => {
  const put = async (path: string, background: string, at: number) => {
    mkdirSync(join(folder, path), { recursive: true });
    const picture = sharp({ create: { width: 20 + at, height: 20, channels: 3, background } });
    await picture.png().toFile(join(folder, path, `${at}.png`));
  };
  for (let at = 0; at < 10; at++) {
    await put("flowers/poppy", "red", at);
    await put("flowers/gentian", "blue", at);
  }
  await put("unknown", "red", 0);
  const [program] = blocks("docs/images.md") as [string];
  const placed = program.replace('"flowers"', within("flowers")).replace('"unknown"', within("unknown"));
  const { unknown, trainer } = await load("images", `${placed}\nexport { trainer };`);
  expect((unknown as { files: string[] }).files).toEqual([join(folder, "unknown", "0.png")]);
  const history = (trainer as { history: { validation?: { accuracy: number } }[] }).history;
  expect(history.at(-1)?.validation?.accuracy).toBe(1);
});
