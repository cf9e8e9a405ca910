/** Facts of an experiment's model and loss, found on a few rows without training. */
import { type Dataset, deviceRows, gatherRows, toTensor } from "../data/index.ts";
import { topologicalOrder } from "../engine/ir/index.ts";
import { type Tensor, take, tensor, zeros } from "../engine/tensor/index.ts";
import {
  context,
  fans,
  Linear,
  Module,
  namedParameters,
  Recurrent,
  type Squashed,
  squashedIn,
  tapLayers,
} from "../nn/index.ts";
import { checkLabels, initialise, type Loss, lossAt } from "../train/index.ts";
import { DataError, sameShape } from "../util/index.ts";
import { isConv, isNorm } from "./layers.ts";

export interface ModelFacts {
  /** Of a batch of outputs, rows first. */
  readonly outputs: readonly number[];
  /** What the model's output comes out of. */
  readonly last: { readonly path: string; readonly kind: string } | null;
  /** Losses that squash what is squashed already, and where the model does so. */
  readonly squashed: readonly Squashed[];
  /** Class numbers the model has an output for; null where targets are no class numbers. */
  readonly classes: number | null;
  /** What is wrong with the labels for this model; null when nothing is. */
  readonly labelError: string | null;
  /** The loss of the best constant output, as far as it was found; null where it cannot be told. */
  readonly baseline: number | null;
  /** Trained parameters that the loss does not depend on. */
  readonly unused: readonly string[];
  /** Frozen parameters that nobody gave a value. */
  readonly frozen: readonly string[];
  /** Weight matrices that start as one number everywhere. */
  readonly constant: readonly string[];
  /** Root mean square of the initial weights times the root of their fan in: about 1 keeps a signal's size. */
  readonly gains: readonly { readonly path: string; readonly gain: number }[];
  /** Whether its first layer normalises the inputs. */
  readonly normalises: boolean;
  readonly recurrent: boolean;
  /** Whether there is a normalising layer anywhere. */
  readonly hasNorms: boolean;
}

const ROWS = 256;

export interface ModelParts {
  readonly model: Module;
  readonly loss: Loss;
  readonly seed: number;
}

/** Looks at the model as it begins, on the first rows of `train`. Parameters without a value get their initial ones. Throws as `forward` does. */
export async function modelFacts({ model, loss, seed }: ModelParts, train: Dataset): Promise<ModelFacts> {
  const named = [...namedParameters(model)];
  const frozen = named.flatMap(([path, { trainable, isBuffer, initialized }]) =>
    !trainable && !isBuffer && !initialized ? [path] : [],
  );
  initialise(model, seed);
  const count = Math.min(ROWS, train.length);
  // Evenly picked: the first rows may be of one kind.
  const rows = tensor(Int32Array.from({ length: count }, (_, i) => Math.floor((i * train.length) / count)));
  const [x, y] = [gatherRows(deviceRows(train.x), rows), take(toTensor(train.y), rows, 0)];
  const at = { train: true, step: tensor(0, { dtype: "i32" }) };
  const { result, squashed } = squashedIn(() =>
    tapLayers(model, (around) => {
      const outputs = model.forward(x, { ...context({ ...at, key: seed }), around });
      return { outputs, value: lossAt(loss, at)(outputs, y) };
    }),
  );
  const { outputs, value } = result.result;
  const reached = new Set(topologicalOrder([value.node]));
  const last = result.taps.find(({ output }) => output.node === outputs.node) ?? null;
  const labels = train.y.dtype === "i32" && train.y.shape.length === outputs.ndim - 1;
  const weights = named.filter(([, { trainable, shape }]) => trainable && shape.length >= 2);
  const initial = await Promise.all(
    weights.map(async ([path, { value }]) => [path, await statistics(value)] as const),
  );
  const modules = [...model.named().values()].filter((child) => child instanceof Module);
  return {
    outputs: outputs.shape,
    last: last && { path: last.path, kind: last.kind },
    squashed,
    classes: labels ? (outputs.shape.at(-1) ?? null) : null,
    labelError: labels ? await labelError(train, outputs, loss) : null,
    baseline: await baseline(loss, outputs, y, labels),
    unused: named.flatMap(([path, { trainable, value }]) =>
      trainable && !reached.has(value.node) ? [path] : [],
    ),
    frozen,
    constant: initial.flatMap(([path, { deviation }]) => (deviation === 0 ? [path] : [])),
    gains: initial.flatMap(([path, { rootMeanSquare }]) => {
      const module = model.named().get(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
      if (!(module instanceof Linear || isConv(module))) return [];
      return [{ path, gain: rootMeanSquare * Math.sqrt(fans(module.weight.shape).fanIn) }];
    }),
    normalises: isNorm(modules.find((child) => !containsModules(child))),
    recurrent: modules.some((child) => child instanceof Recurrent),
    hasNorms: modules.some(isNorm),
  };
}

const containsModules = (module: Module<never, unknown>): boolean =>
  [...module.named()].some(([path, child]) => path !== "" && child instanceof Module);

async function statistics(value: Tensor): Promise<{ deviation: number; rootMeanSquare: number }> {
  const data = await value.data();
  let [least, most, squares] = [Infinity, -Infinity, 0];
  for (const one of data) {
    least = Math.min(least, one);
    most = Math.max(most, one);
    squares += one * one;
  }
  return { deviation: most - least, rootMeanSquare: Math.sqrt(squares / Math.max(1, data.length)) };
}

async function labelError(train: Dataset, outputs: Tensor, loss: Loss): Promise<string | null> {
  try {
    await checkLabels(train.y, outputs, loss, "the training data");
    return null;
  } catch (error) {
    if (error instanceof DataError) return error.message;
    throw error;
  }
}

/**
 * The least loss of some outputs that are one for all rows: zeros, the targets' mean, and the logarithms of how often classes come (with
 * which cross-entropy is the entropy of the labels).
 */
async function baseline(loss: Loss, outputs: Tensor, y: Tensor, labels: boolean): Promise<number | null> {
  const at = { train: false, step: tensor(0, { dtype: "i32" }) };
  const ways: Tensor[] = [zeros(outputs.shape)];
  const width = outputs.shape.at(-1) ?? 1;
  if (labels) {
    const counts = new Float32Array(width);
    for (const label of await y.data()) {
      if (label >= 0 && label < width) counts[label] = (counts[label] ?? 0) + 1;
    }
    const all = counts.reduce((sum, count) => sum + count, 0);
    const logs = counts.map((count) => Math.log(Math.max(count / Math.max(1, all), 1e-6)));
    ways.push(tensor(logs).broadcastTo(outputs.shape));
  } else if (sameShape(outputs.shape, y.shape)) {
    const means = y.astype("f32").mean(0, { keepDims: true });
    ways.push(means.broadcastTo(outputs.shape));
    const share = means.maximum(1e-6).minimum(1 - 1e-6);
    ways.push(share.div(share.neg().add(1)).log().broadcastTo(outputs.shape));
  }
  const values = await Promise.all(
    ways.map(async (way) => {
      const { result } = squashedIn(() => lossAt(loss, at)(way, y));
      return result.item();
    }),
  );
  const finite = values.filter(Number.isFinite);
  return finite.length === 0 ? null : Math.min(...finite);
}
