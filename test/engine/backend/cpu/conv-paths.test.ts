/** explain names the way each convolution and gradient of one takes. */
import { conv, explain, grad, ones, type Tensor } from "nabla";
import { expect, test } from "vitest";

interface Sizes {
  readonly images: number;
  readonly channels: number;
  readonly filters: number;
  readonly width?: number;
  readonly groups?: number;
}

/** The words of the forward pass, the input's gradient and the filter's. */
function pathsOf({ images, channels, filters, width = 8, groups = 1 }: Sizes): string[] {
  const options = { padding: 1, groups };
  const x = ones([images, 8, width, channels]);
  const w = ones([3, 3, channels / groups, filters]);
  const y = ones([images, 8, width, filters]);
  const loss = (x: Tensor, w: Tensor, y: Tensor) => conv(x, w, options).mul(y).sum();
  const texts = [
    explain((x: Tensor, w: Tensor) => conv(x, w, options), x, w),
    explain((x: Tensor, w: Tensor, y: Tensor) => grad((x: Tensor) => loss(x, w, y))(x), x, w, y),
    explain((x: Tensor, w: Tensor, y: Tensor) => grad((w: Tensor) => loss(x, w, y))(w), x, w, y),
  ];
  return texts.map((text) => /conv.*\n +([^,]*),/.exec(text)?.[1] ?? text);
}

test.each<[string, Sizes, string[]]>([
  [
    "many images",
    { images: 64, channels: 16, filters: 32 },
    ["images abreast", "images abreast", "lines in place"],
  ],
  [
    "many images of few channels",
    { images: 64, channels: 2, filters: 2 },
    ["images abreast in the columns", "images abreast in the columns", "stacked lines"],
  ],
  ["few images", { images: 2, channels: 16, filters: 32 }, ["patches", "patches", "lines in place"]],
  ["short lines", { images: 2, channels: 3, filters: 32, width: 2 }, ["patches", "patches", "patches"]],
  [
    "channels on their own",
    { images: 64, channels: 16, filters: 16, groups: 16 },
    ["depthwise", "depthwise", "depthwise"],
  ],
])("%s", (_, sizes, paths) => {
  expect(pathsOf(sizes)).toEqual(paths);
});
