/** Debug mode: the last two states and batches are kept, so that a step whose loss is not finite can be taken again, slowly. */
import { withoutDebt } from "../engine/runtime/index.ts";
import { Tensor, tensor } from "../engine/tensor/index.ts";
import { copyTree } from "../io/index.ts";
import { withLayers } from "../nn/index.ts";
import { visitLeaves } from "../util/index.ts";
import type { Placed } from "./evaluate.ts";
import { type FirstBad, firstBad } from "./first-bad.ts";
import type { TrainState } from "./state.ts";
import { type Parts, stepOf } from "./steps.ts";

interface Kept {
  readonly state: TrainState;
  readonly data: Placed;
  /** The rows of its epoch in order. */
  readonly rows: Int32Array;
  readonly batchSize: number;
  readonly rateFactor?: Tensor | undefined;
}

const tensorsOf = (tree: unknown): Tensor[] => {
  const found: Tensor[] = [];
  visitLeaves(tree, (leaf) => {
    if (leaf instanceof Tensor) found.push(leaf);
  });
  return found;
};

export class Debug {
  #kept: readonly Kept[] = [];

  constructor(
    readonly parts: Parts,
    readonly device: string,
  ) {}

  /** To be called before each step. */
  async keep(
    state: TrainState,
    data: Placed,
    rows: Int32Array,
    batchSize: number,
    rateFactor?: Tensor,
  ): Promise<void> {
    const copy = await copyTree(state, this.device);
    this.#kept = [...this.#kept.slice(-1), { state: copy, data, rows, batchSize, rateFactor }];
  }

  /** A sentence that names the operation which first made a NaN or an infinity in the last step, or in the update before it. */
  async explain(): Promise<string> {
    const last = this.#kept.at(-1);
    if (last === undefined) return "";
    // What is wrong with the parameters already was made by the update before.
    const [before] = this.#kept.length > 1 ? this.#kept : [];
    const given = before === undefined ? null : await firstBad(tensorsOf(last.state.params));
    if (before !== undefined && given !== null) {
      return (await this.#again(before)) ?? this.#sentence(given, "before this step");
    }
    return (await this.#again(last)) ?? "Taken again, the step makes neither NaN nor infinity.";
  }

  async #again({ state, data, rows, batchSize, rateFactor }: Kept): Promise<string | null> {
    const { model } = this.parts;
    const order = tensor(rows, { dtype: "i32", device: this.device });
    const { result, layerOf } = withLayers(model, () =>
      withoutDebt(() =>
        stepOf(this.parts, batchSize)(state, { ...data, order, ...(rateFactor && { rateFactor }) }),
      ),
    );
    const bad = await firstBad(tensorsOf(result));
    if (bad === null) return null;
    const layer = layerOf(bad.node);
    const step = (await state.step.item()) + 1;
    const where = layer === null ? "outside of the layers: in loss, gradient or update" : `in ${layer}`;
    return this.#sentence(bad, `${where}, at step ${step}`);
  }

  #sentence({ operation, kind, count, at }: FirstBad, where: string): string {
    const [what, more] = [kind === "NaN" ? "NaN" : "infinity", count > 1 ? ` and ${count - 1} more` : ""];
    return `The first ${what} is of ${operation} ${where} (element [${at.join(", ")}]${more}).`;
  }
}
