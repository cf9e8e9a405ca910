/** nabla's augmentation as it runs inside of a training step: compiled, many batches in one native call. */
import { jit, random, setThreads, type Tensor, tensor } from "nabla";
import { augment, colorJitter, horizontalFlip, mixup, randomCrop } from "nabla/data";
import type { AugmentJob } from "../benches/augment.ts";
import { job, serve } from "./serve.mjs";
import { timed, values } from "./values.mjs";

const { batch, size, classes, threads } = job<AugmentJob>();
setThreads(threads);

const pipeline = augment([
  horizontalFlip(),
  randomCrop({ padding: 4 }),
  colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4 }),
  mixup({ classes, alpha: 0.2 }),
]);
const images = tensor(values(batch * size * size * 3, 1, 0, 1), { shape: [batch, size, size, 3] });
const targets = tensor(
  Int32Array.from({ length: batch }, (_, i) => i % classes),
  { dtype: "i32" },
);

interface State {
  readonly step: Tensor;
  /** Holds on to the batch, so that none of it is left out. */
  readonly images: Tensor;
  readonly targets: Tensor;
}
const work = jit(
  ({ step }: State, images: Tensor, targets: Tensor): [State] => {
    const made = pipeline.apply({ images, targets }, { key: random.foldIn(random.key(0), step) });
    return [{ step: step.add(1), images: made.images, targets: made.targets as Tensor }];
  },
  { donate: [0], name: "the augmentation" },
);
let state: State = {
  step: tensor(0, { dtype: "i32" }),
  images: tensor(new Float32Array(batch * size * size * 3), { shape: [batch, size, size, 3] }),
  targets: tensor(new Float32Array(batch * classes), { shape: [batch, classes] }),
};

await serve({
  // The draws differ, so the shapes are what all can agree on.
  check: async () => {
    [state] = work(state, images, targets);
    return [batch, size, 3, (await state.targets.data()).length];
  },
  run: (units) =>
    timed(async () => {
      [state] = await work.repeat(units, state, images, targets);
      await state.step.item();
    }),
});
