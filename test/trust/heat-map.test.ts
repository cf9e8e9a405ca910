/** Heat maps: their colours, pixel by pixel, and the file. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tensor } from "nabla";
import { contactSheet, heatMap, writePicture } from "nabla/trust";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "nabla-heat-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("red above 0, blue below, the stronger the further, over a grey image", async () => {
  const values = tensor([[1, -1, 0, 0.5]]);
  const { width, height, pixels } = await heatMap(values, { image: tensor([[0, 0.2, 0.6, 1]]), quantile: 1 });
  expect([width, height]).toEqual([4, 1]);
  // Half of white and half of red is the last.
  expect([...pixels]).toEqual([202, 0, 32, 5, 113, 176, 153, 153, 153, 229, 128, 144]);
});

test("channels add up, zoom repeats, the quantile caps what is told apart, zeros are white", async () => {
  const picture = await heatMap(
    tensor([
      [
        [1, -1],
        [2, 2],
      ],
    ]),
    { zoom: 2 },
  );
  expect([picture.width, picture.height]).toEqual([4, 2]);
  const row = [255, 255, 255, 255, 255, 255, 202, 0, 32, 202, 0, 32];
  expect([...picture.pixels]).toEqual([...row, ...row]);
  const capped = await heatMap(tensor([[1, 1, 1, 100]]), { quantile: 0.75 });
  expect([...capped.pixels.subarray(0, 3)]).toEqual([202, 0, 32]);
  const nothing = await heatMap(tensor([[0, 0]]));
  expect([...nothing.pixels]).toEqual([255, 255, 255, 255, 255, 255]);
});

test("a sheet of pictures as a file", async () => {
  const [one, other] = [await heatMap(tensor([[1]])), await heatMap(tensor([[-1]]))];
  const path = join(folder, "sheet.png");
  await writePicture(path, contactSheet([[one, other], [other]], 1));
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height, info.channels]).toEqual([5, 5, 3]);
  const at = (x: number, y: number) => [...data.subarray((y * 5 + x) * 3, (y * 5 + x) * 3 + 3)];
  expect([at(1, 1), at(3, 1), at(1, 3), at(3, 3), at(0, 0)]).toEqual([
    [202, 0, 32],
    [5, 113, 176],
    [5, 113, 176],
    [255, 255, 255],
    [255, 255, 255],
  ]);
});

describe("errors", () => {
  const wrong: [string, () => Promise<unknown>, string][] = [
    [
      "shape",
      () => heatMap(tensor([1])),
      "values must be [height, width] or [height, width, channels]; got [1].",
    ],
    [
      "image",
      () => heatMap(tensor([[1]]), { image: tensor([[1, 1]]) }),
      "as large as the values; got [1,2] for [1,1].",
    ],
    [
      "NaN",
      () =>
        heatMap(
          tensor([
            [1, 2],
            [3, Number.NaN],
          ]),
        ),
      "values must be finite; row 1, column 1 is NaN.",
    ],
    [
      "zoom",
      () => heatMap(tensor([[1]]), { zoom: 0.5 }),
      "zoom must be a whole number of at least 1; got 0.5.",
    ],
    [
      "quantile",
      () => heatMap(tensor([[1]]), { quantile: 0 }),
      "quantile must be above 0 and at most 1; got 0.",
    ],
    ["option", () => heatMap(tensor([[1]]), { zom: 1 } as object), 'Did you mean "zoom"?'],
    [
      "no folder",
      async () => writePicture(join(folder, "no", "x.png"), await heatMap(tensor([[1]]))),
      "x.png",
    ],
  ];
  test.each(wrong)("%s", async (_name, run, message) => {
    await expect(run()).rejects.toThrow(message);
  });
  test("sheets", async () => {
    expect(() => contactSheet([])).toThrow("there must be a picture; got none.");
    const [small, large] = [await heatMap(tensor([[1]])), await heatMap(tensor([[1, 1]]))];
    expect(() => contactSheet([[small, large]])).toThrow("of one size; got 1 x 1 and 2 x 1.");
  });
});
