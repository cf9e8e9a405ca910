/** What the loss is like around the place where a run is: how noisy its gradients are and how sharply it bends. Measuring changes nothing. */
import { tensor } from "../engine/tensor/index.ts";
import { appliedFactor, type Batching } from "./batch-size.ts";
import type { Placed } from "./evaluate.ts";
import type { Live } from "./fit.ts";
import type { Measured } from "./noise-scale.ts";
import { NoiseMeter } from "./noise-step.ts";
import { type Sharpness, SharpnessMeter } from "./sharpness-step.ts";
import { counter } from "./state.ts";
import type { Parts, TrainData } from "./steps.ts";

/** A batch of fewer rows bends by chance. */
const LEAST_ROWS = 64;

interface Ground {
  readonly live: Live;
  /** Null where data is not in memory. */
  readonly placed: Placed | null;
  readonly batching: Batching;
  order(epoch: number): Int32Array;
  readonly device: string;
}

/** Of one `fit`; programs are compiled at the first measurement. */
export class Terrain {
  readonly #ground: Ground;
  readonly #noise: NoiseMeter;
  readonly #sharpness: SharpnessMeter;

  constructor(parts: Parts, ground: Ground) {
    this.#ground = ground;
    this.#noise = new NoiseMeter(parts);
    this.#sharpness = new SharpnessMeter(parts);
  }

  /** The means of `batches` measurements, on the batches that come next in this epoch's order and, past its end, its first. */
  async noise(batches: number): Promise<Measured | null> {
    const { live, device } = this.#ground;
    const at = this.#rows(2);
    if (at === null) return null;
    const { size, first, places } = at;
    const count = Math.min(batches, places);
    let [signal, noise] = [0, 0];
    for (let i = 0; i < count; i++) {
      const cursor = counter(((first + i) % places) * size, device);
      const measured = await this.#noise.measure({ ...live.state, cursor }, at.data, size);
      signal += measured.signal / count;
      noise += measured.noise / count;
    }
    at.data.order.dispose();
    return Number.isFinite(signal) && Number.isFinite(noise) ? { signal, noise } : null;
  }

  /** On the rows of the next batch, and of those after it where a batch has few. */
  async sharpness(products: number): Promise<Sharpness | null> {
    const { live, device } = this.#ground;
    const at = this.#rows(LEAST_ROWS);
    if (at === null) return null;
    const cursor = counter((at.first % at.places) * at.size, device);
    const found = await this.#sharpness.measure({ ...live.state, cursor }, at.data, at.size, products);
    at.data.order.dispose();
    return found;
  }

  /** The epoch's rows in stretches of a batch, of `least` rows at least where there are as many; which is next. Null for fewer than 2. */
  #rows(least: number): {
    readonly size: number;
    readonly first: number;
    readonly places: number;
    readonly data: TrainData;
  } | null {
    const { live, placed, batching, device } = this.#ground;
    if (placed === null) return null;
    const { position } = live;
    const order = this.#ground.order(position.epoch);
    const batch = batching.at(position, live.noise).size;
    const size = Math.min(Math.max(batch, least), order.length);
    if (size < 2) return null;
    const factor = appliedFactor(batching, batch, live.learningRateFactor);
    const data: TrainData = {
      ...placed,
      order: tensor(order, { dtype: "i32", device }),
      ...(factor !== null && { rateFactor: tensor(factor, { dtype: "f32", device }) }),
    };
    return { size, first: Math.floor(position.row / size), places: Math.floor(order.length / size), data };
  }
}
