/** nabla augment: a contact sheet of an experiment's images, each before a row of what its augmentation makes of it. */
import { resolve } from "node:path";
import type { Augmenter, Dataset } from "../data/index.ts";
import { deviceRows, gatherRows, toTensor } from "../data/index.ts";
import { defaultDevice, setDefaultDevice } from "../engine/runtime/index.ts";
import { arange, jit, random, type Tensor, take, tensor } from "../engine/tensor/index.ts";
import { writeFileAtomic } from "../files/index.ts";
import { experimentData, inMemory } from "../train/index.ts";
import { ConfigError } from "../util/index.ts";
import { exitCodes } from "./exit.ts";
import { inFile, loadExperiment, shortPath } from "./load.ts";
import { type CommonOptions, print, printJson, useDevice } from "./options.ts";
import { checkOut } from "./out-file.ts";

export interface AugmentCommandOptions extends CommonOptions {
  readonly out: string;
  readonly rows?: number;
  readonly seed?: number;
}

const variants = 9;
/** Between two images, white. */
const gap = 2;

/** Runs the command and gives its exit code. */
export async function augmentCommand(file: string, options: AugmentCommandOptions): Promise<number> {
  useDevice(options);
  await checkOut(options.out, [".png"]);
  const experiment = await loadExperiment(file);
  if (options.device === undefined && experiment.device !== undefined) setDefaultDevice(experiment.device);
  const { augment } = experiment;
  if (augment === undefined) {
    throw new ConfigError(
      `${shortPath(file)}: the experiment must have an augmentation to draw; it has none. Give it augment: augment([...]).`,
    );
  }
  let sheet: Sheet;
  try {
    const { train } = await experimentData(experiment);
    sheet = await draw(
      augment,
      inMemory("augment", train),
      options.rows ?? 8,
      options.seed ?? experiment.seed ?? 0,
    );
  } catch (error) {
    throw inFile(error, shortPath(file));
  }
  const { default: sharp } = await import("sharp");
  const { width, height, pixels } = sheet;
  const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  await writeFileAtomic(resolve(options.out), png);
  print(
    options,
    `${sheet.rows} images, each with ${variants} variants, in ${shortPath(resolve(options.out))}`,
  );
  printJson(options, {
    experiment: shortPath(file),
    out: shortPath(resolve(options.out)),
    rows: sheet.rows,
    width,
    height,
  });
  return exitCodes.done;
}

interface Sheet {
  readonly width: number;
  readonly height: number;
  readonly rows: number;
  readonly pixels: Uint8Array;
}

/** The first rows of the data and their variants. A batch of more than one, since mixing takes partners. */
async function draw(augment: Augmenter, data: Dataset, wanted: number, seed: number): Promise<Sheet> {
  const head = data.head(wanted);
  const rows = head.length;
  const device = defaultDevice().name;
  const x = augment.toImages(gatherRows(deviceRows(head.x, device), arange(rows)));
  const y = take(toTensor(head.y, device), arange(rows), 0);
  const step = tensor(0, { dtype: "i32" });
  const changed = jit(
    (images: Tensor, targets: Tensor, key: Tensor) =>
      augment.apply({ images, targets }, { key, step }).images,
  );
  const key = random.key(seed);
  const columns = [x];
  for (let i = 0; i < variants; i++) columns.push(changed(x, y, random.foldIn(key, i)));
  const cell = columns.reduce((most, { shape }) => Math.max(most, shape[1] as number, shape[2] as number), 0);
  const zoom = Math.max(1, Math.floor(64 / cell));
  const side = cell * zoom + gap;
  const [width, height] = [side * columns.length + gap, side * rows + gap];
  const pixels = new Uint8Array(width * height * 3).fill(255);
  for (const [column, images] of columns.entries()) {
    const [, tall = 0, wide = 0, channels = 0] = images.shape;
    const [black, white] = augment.range;
    const values = await images
      .sub(black)
      .div(white - black)
      .clip(0, 1)
      .mul(255)
      .round()
      .data();
    for (let row = 0; row < rows; row++) {
      for (let py = 0; py < tall * zoom; py++) {
        for (let px = 0; px < wide * zoom; px++) {
          const from = ((row * tall + Math.floor(py / zoom)) * wide + Math.floor(px / zoom)) * channels;
          const to = ((gap + row * side + py) * width + gap + column * side + px) * 3;
          for (let c = 0; c < 3; c++) pixels[to + c] = values[from + (channels >= 3 ? c : 0)] as number;
        }
      }
    }
  }
  return { width, height, rows, pixels };
}
