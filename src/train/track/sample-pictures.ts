/** Predictions as pictures without words: an image beside bars of its classes' probabilities, or images beside each other. */
import type { PngImage } from "../../io/index.ts";
import { encode, type ImageShape, stretched } from "./picture.ts";

export interface Panel {
  readonly values: Float32Array;
  readonly shape: ImageShape;
  /** What is black and what is white; default: the least and the greatest value. */
  readonly range?: readonly [low: number, high: number];
}

const paper = 40;
const gap = 4;
const tall = 96;
const mostBars = 10;
const colours = { right: [0, 158, 115], wrong: [213, 94, 0], other: [128, 128, 128] } as const;

type Canvas = { readonly width: number; readonly height: number; readonly bytes: Uint8Array };

const canvas = (width: number, height: number): Canvas => ({
  width,
  height,
  bytes: new Uint8Array(width * height * 3).fill(paper),
});

/** Large pixels for small images, so that they can be looked at. */
const zoomOf = ([height]: ImageShape): number => Math.max(1, Math.round(tall / height));

function draw(on: Canvas, { values, shape, range }: Panel, left: number): void {
  const [height, width, channels] = shape;
  const bytes = stretched(values, range);
  const zoom = zoomOf(shape);
  for (let y = 0; y < height * zoom; y++) {
    for (let x = 0; x < width * zoom; x++) {
      const from = (Math.floor(y / zoom) * width + Math.floor(x / zoom)) * channels;
      const to = (y * on.width + left + x) * 3;
      for (let c = 0; c < 3; c++) on.bytes[to + c] = bytes[from + (channels === 1 ? 0 : c)] as number;
    }
  }
}

const png = ({ width, height, bytes }: Canvas): Promise<PngImage> => encode(bytes, [height, width, 3]);

/** Images in a row. */
export function sideBySide(panels: readonly Panel[]): Promise<PngImage> {
  const widths = panels.map(({ shape }) => shape[1] * zoomOf(shape));
  const height = Math.max(...panels.map(({ shape }) => shape[0] * zoomOf(shape)));
  const on = canvas(
    widths.reduce((sum, width) => sum + width + gap, -gap),
    height,
  );
  let left = 0;
  panels.forEach((panel, at) => {
    draw(on, panel, left);
    left += (widths[at] as number) + gap;
  });
  return png(on);
}

/**
 * The image, and to its right a bar for each class from the first down, or for the ten most probable: green is the true class, orange another
 * one that was predicted.
 */
export function besideBars(panel: Panel, probabilities: Float32Array, target: number): Promise<PngImage> {
  const [height, width] = [panel.shape[0] * zoomOf(panel.shape), panel.shape[1] * zoomOf(panel.shape)];
  const long = Math.max(48, height);
  const on = canvas(width + gap + long, Math.max(height, 4 * mostBars));
  draw(on, panel, 0);
  const order = [...probabilities.keys()];
  if (order.length > mostBars) {
    order.sort((a, b) => (probabilities[b] as number) - (probabilities[a] as number));
    order.length = mostBars;
  }
  const top = Math.max(...probabilities);
  const each = Math.floor(on.height / order.length);
  order.forEach((label, at) => {
    const share = probabilities[label] as number;
    const kind = label === target ? "right" : share === top ? "wrong" : "other";
    const length = Number.isFinite(share) ? Math.max(1, Math.round(share * long)) : 0;
    for (let y = at * each; y < (at + 1) * each - 1; y++)
      for (let x = 0; x < length; x++) on.bytes.set(colours[kind], (y * on.width + width + gap + x) * 3);
  });
  return png(on);
}
