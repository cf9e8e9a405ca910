/** gradCam: where in an image a convolution's maps speak for a class. */
import { gradients } from "../../engine/autodiff/index.ts";
import { jit, type Tensor, tensor } from "../../engine/tensor/index.ts";
import { apply, type Module, type Tensors, withLayerOutput } from "../../nn/index.ts";
import { ConfigError, formatShape, optionNames, rejectUnknown, ShapeError } from "../../util/index.ts";
import { checkInputs } from "../checks.ts";
import { byBatches, compiled, valuesOf } from "../compiled.ts";
import { type Attribution, type AttributionOptions, resolveTargets, scoresOf, targetRows } from "./target.ts";

export interface GradCamOptions extends AttributionOptions {
  /** Path of the layer whose maps are weighed, as in "layers/4": usually the last convolution, or the activation after it. */
  readonly layer: string;
  /** Leaves what speaks for the class, as in the paper; false keeps what speaks against it, below 0. Default true. */
  readonly relu?: boolean;
  /** Brings the map to the size of x by bilinear interpolation; false leaves that of the layer. Default true. */
  readonly resize?: boolean;
}

const known = optionNames<GradCamOptions>({
  target: true,
  batch: true,
  layer: true,
  relu: true,
  resize: true,
});

/**
 * relu(sum over channels c of w_c A_c), w_c the mean over places of d output / d A_c, for the maps A [n, h, w, channels] of a layer:
 * Selvaraju et al., "Grad-CAM", 2017. x is [n, height, width, channels]; the values are [n, height, width] (or [n, h, w]).
 * @throws as `saliency`; ConfigError for a path where no layer runs, naming the nearest; ShapeError where the layer gives no maps.
 * @example const { values } = await gradCam(model, images, { layer: "layers/4", target: 7 });
 */
export async function gradCam(model: Module, x: Tensor, options: GradCamOptions): Promise<Attribution> {
  const op = "gradCam";
  rejectUnknown(op, options, known);
  checkInputs(op, x);
  const { layer, batch = 32, relu = true, resize = true } = options;
  if (typeof layer !== "string") {
    throw new ConfigError(`${op}: layer must be the path of a layer, as in "layers/4"; got ${typeof layer}.`);
  }
  if (x.ndim !== 4) {
    throw new ShapeError(
      `${op}: x must be images [n, height, width, channels]; got ${formatShape(x.shape)}.`,
    );
  }
  const targets = await resolveTargets(op, model, x, options);
  const tensors = valuesOf(model);
  const step = compiled(model, `gradCam ${relu} ${resize} ${layer}`, () =>
    jit(
      (at: Tensor, own: Tensor, values: Tensors): Tensor => {
        const { result, output } = apply(model, values, () =>
          withLayerOutput(model, layer, (ctx) => model.forward(at, ctx)),
        );
        if (output.ndim !== 4) {
          throw new ShapeError(
            `${op}: the layer must give maps [n, h, w, channels]; ${layer} gives ${formatShape(output.shape)}.`,
          );
        }
        const [slopes] = gradients(scoresOf(result, own).sum(), [output]) as [Tensor];
        const map = slopes.mean([1, 2], { keepDims: true }).mul(output).sum(-1);
        const kept = relu ? map.maximum(0) : map;
        return resize ? resized(kept, at.shape[1] as number, at.shape[2] as number) : kept;
      },
      { name: op },
    ),
  );
  const values = await byBatches(x.shape[0] as number, batch, async (from, to) =>
    step(x.slice([from, to]), targetRows(targets, from, to), tensors),
  );
  return { values, targets };
}

/** Maps [n, h, w] by bilinear interpolation between the middles of their cells: a product from each side. */
function resized(maps: Tensor, height: number, width: number): Tensor {
  const [, h = 0, w = 0] = maps.shape;
  return interpolation(h, height).matmul(maps).matmul(interpolation(w, width).transpose());
}

/** [to, from]: what each of `to` cells takes of each of `from`. */
function interpolation(from: number, to: number): Tensor {
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const place = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    const low = Math.min(Math.floor(place), Math.max(from - 2, 0));
    const share = place - low;
    matrix[i * from + low] = 1 - share;
    if (low + 1 < from) matrix[i * from + low + 1] = share;
  }
  return tensor(matrix, { shape: [to, from] });
}
