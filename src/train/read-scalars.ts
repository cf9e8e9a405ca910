/** Scalars of a state, all in one read: each by itself would be a program and a promise of its own. */
import { jit, stack, type Tensor } from "../engine/tensor/index.ts";

/** Reads scalars by name, as f32. Compiled once for each set of them. */
export function scalarReader(): (
  scalars: Readonly<Record<string, Tensor>>,
) => Promise<Record<string, number>> {
  const together = jit((scalars: readonly Tensor[]) => stack(scalars.map((one) => one.astype("f32"))), {
    name: "the hyper-parameters",
  });
  return async (scalars) => {
    const names = Object.keys(scalars);
    if (names.length === 0) return {};
    const values = together(Object.values(scalars));
    const numbers = await values.data();
    values.dispose();
    return Object.fromEntries(names.map((name, at) => [name, numbers[at] as number]));
  };
}
