/** recalibrate: batch norm's statistics measured anew, as weights that did not come from training need. */
import { jit, type Tensor, tensor } from "../../engine/tensor/index.ts";
import { DataError } from "../../util/index.ts";
import { apply } from "../apply.ts";
import { type Context, context } from "../context.ts";
import { withForwards } from "../forwards.ts";
import { type Module, namedParameters, type Tensors } from "../module.ts";
import { BatchNorm } from "./batch-norm.ts";
import { type Moments, moments } from "./normalise.ts";

/** Inputs [rows, ...], or what a loader gives. */
type Batches = Iterable<Batch> | AsyncIterable<Batch>;
type Batch = Tensor | { readonly x: Tensor };

/** Mean and variance of so many values for each channel. */
interface Part extends Moments {
  readonly count: number;
}

/**
 * Sets the running statistics of every batch norm to the exact mean and (unbiased) variance of what it is given over all batches, each
 * value counting once whatever the batches' sizes. In this pass batch norms normalise by their batch, as in training, and all else
 * is as in inference. For weights that were averaged (EMA, SWA), pruned or otherwise changed: their activations have other statistics
 * than those that training left. Returns the paths of the layers it set; frozen ones and those without statistics are left alone.
 *
 * Batches are joined by Chan, Golub and LeVeque's update, "Algorithms for computing the sample variance", 1983. What PyTorch's
 * update_bn takes, the mean of the batches' variances, leaves out how their means differ.
 * @throws DataError when there is no batch; ShapeError as the model's forward.
 * @example await recalibrate(model, loader(train, { batchSize: 256 }));
 */
export async function recalibrate(model: Module, batches: Batches): Promise<string[]> {
  const norms = [...model.named()].flatMap(([path, child]) =>
    child instanceof BatchNorm && child.runningMean !== null && !child.frozen ? [[path, child] as const] : [],
  );
  if (norms.length === 0) return [];
  const counts = new Map<string, Map<string, number>>();
  const measure = jit(
    (x: Tensor, tensors: Tensors): Record<string, Moments> => {
      const parts = apply(model, tensors, () => observed(model, norms, x));
      counts.set(String(x.shape), new Map([...parts].map(([path, { count }]) => [path, count])));
      return Object.fromEntries([...parts].map(([path, { mean, variance }]) => [path, { mean, variance }]));
    },
    { name: "recalibrate" },
  );
  const totals = new Map<string, Part>();
  let seen = 0;
  for await (const batch of batches) {
    const x = "x" in batch ? batch.x : batch;
    const found = measure(x, valuesOf(model));
    const of = counts.get(String(x.shape));
    for (const [path, part] of Object.entries(found)) {
      const count = of?.get(path) ?? 0;
      const before = totals.get(path);
      const total = before === undefined ? { ...part, count } : joined(before, { ...part, count });
      await total.mean.realize();
      await total.variance.realize();
      totals.set(path, total);
    }
    seen += 1;
  }
  if (seen === 0) throw new DataError("recalibrate: there must be at least one batch; got none.");
  for (const [path, norm] of norms) {
    const total = totals.get(path);
    if (total !== undefined) setStatistics(norm, total, seen);
  }
  return norms.map(([path]) => path).filter((path) => totals.has(path));
}

const valuesOf = (model: Module): Tensors =>
  Object.fromEntries([...namedParameters(model)].map(([path, { value }]) => [path, value]));

/** What each batch norm is given in one pass; where one runs several times, all of it. */
function observed(
  model: Module,
  norms: readonly (readonly [string, BatchNorm])[],
  x: Tensor,
): Map<string, Part> {
  const paths = new Map(norms.map(([path, norm]) => [norm, path]));
  const parts = new Map<string, Part>();
  const training: Context = context({ train: true }); // what is put there goes nowhere
  withForwards(
    [...paths.keys()],
    (norm: BatchNorm, input: Tensor, _ctx, run: (x: Tensor, ctx: Context) => Tensor) => {
      const path = paths.get(norm) ?? "";
      const axes = input.shape.slice(0, -1).map((_, axis) => axis);
      const { mean, variance } = moments(input, axes);
      const flat = (t: Tensor) => t.reshape([norm.features]);
      const part = { mean: flat(mean), variance: flat(variance), count: input.size / norm.features };
      const before = parts.get(path);
      parts.set(path, before === undefined ? part : joined(before, part));
      return run(input, training);
    },
    () => model.forward(x, context()),
  );
  return parts;
}

/** Mean and variance of both together. */
function joined(a: Part, b: Part): Part {
  const count = a.count + b.count;
  const share = b.count / count;
  const shift = b.mean.sub(a.mean);
  return {
    count,
    mean: a.mean.add(shift.mul(share)),
    variance: a.variance
      .mul(1 - share)
      .add(b.variance.mul(share))
      .add(shift.square().mul(share * (1 - share))),
  };
}

function setStatistics({ runningMean, runningVar, batches }: BatchNorm, total: Part, seen: number): void {
  const { mean, variance, count } = total;
  if (runningMean) runningMean.value = mean;
  if (runningVar) runningVar.value = variance.mul(count / Math.max(1, count - 1));
  if (batches) batches.value = tensor(seen, { device: mean.device });
}
