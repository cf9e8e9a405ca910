/** nabla augment: the sheet it draws, and what it says where there is nothing to draw. */
import { readFileSync } from "node:fs";
import sharp from "sharp";
import { afterAll, expect, test } from "vitest";
import { Workspace } from "./run.ts";

const work = new Workspace();
afterAll(() => work.remove());
const experiment = (augment: string) => `
import { augment, dataset, invert } from "nabla/data";
import { crossEntropy, Linear, Sequential } from "nabla/nn";
import { sgd } from "nabla/optim";
import { defineExperiment } from "nabla/train";
const x = Array.from({ length: 4 }, (_, i) => new Array(16).fill(i / 4));
export default defineExperiment({ name: "e", data: { train: dataset({ x, y: [0, 1, 0, 1] }) }, model: new Sequential(new Linear(16, 2)),
  loss: crossEntropy, optimizer: sgd(0.1)${augment} });
`;

test("draws originals and variants", async () => {
  work.write("e.ts", experiment(", augment: augment([invert({ probability: 1 })], { shape: [4, 4, 1] })"));
  const { code, stderr } = await work.run(["augment", "e.ts", "--out", "sheet.png", "--rows", "3"]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const { data, info } = await sharp(readFileSync(work.path("sheet.png")))
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([10 * 66 + 2, 3 * 66 + 2]);
  const at = (row: number, column: number) =>
    data[((2 + row * 66 + 5) * info.width + 2 + column * 66 + 5) * info.channels];
  expect([at(1, 0), at(1, 1), at(2, 0), at(2, 9)]).toEqual([64, 191, 128, 128]);
});

test("says what is missing", async () => {
  work.write("plain.ts", experiment(""));
  const none = await work.run(["augment", "plain.ts", "--out", "sheet.png"]);
  expect(none.stderr).toMatch(/must have an augmentation to draw/);
  expect(none.code).not.toBe(0);
  const wrong = await work.run(["augment", "plain.ts", "--out", "sheet.jpg"]);
  expect(wrong.stderr).toMatch(/must end in .png/);
});
