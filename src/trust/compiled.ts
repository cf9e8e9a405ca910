/** A model as explanations and attacks run it: a function of its values, compiled once, over batches of rows. */
import { concat, type Tensor } from "../engine/tensor/index.ts";
import { apply, context, type Module, revisionOf, type Tensors } from "../nn/index.ts";

/** All values of a model, statistics included. */
export const valuesOf = (model: Module): Tensors => ({ ...model.parameters(), ...model.buffers() });

/** The model's outputs in inference mode with the values. */
export const outputsOf = (model: Module, tensors: Tensors, x: Tensor): Tensor =>
  apply(model, tensors, () => model.forward(x, context()));

interface Kept {
  readonly revision: number;
  readonly functions: Map<string, unknown>;
}

const kept = new WeakMap<Module, Kept>();

/** What `make` compiles for the model under a key that says everything it depends on; kept while the model keeps its structure. */
export function compiled<F>(model: Module, key: string, make: () => F): F {
  const revision = revisionOf(model);
  let own = kept.get(model);
  if (own?.revision !== revision) {
    own = { revision, functions: new Map() };
    kept.set(model, own);
  }
  // Kept under the key that names its type.
  let found = own.functions.get(key) as F | undefined;
  if (found === undefined) {
    found = make();
    own.functions.set(key, found);
  }
  return found;
}

/** `run` on batches of so many rows, the last perhaps smaller, and their results as one, row by row. */
export async function byBatches(
  rows: number,
  batch: number,
  run: (from: number, to: number) => Promise<Tensor>,
): Promise<Tensor> {
  const parts: Tensor[] = [];
  for (let from = 0; from < rows; from += batch) parts.push(await run(from, Math.min(from + batch, rows)));
  return parts.length === 1 ? (parts[0] as Tensor) : concat(parts);
}
