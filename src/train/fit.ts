/** The loop of a run: epochs of chunks of compiled steps, measured and announced. It computes the same whatever the chunks are. */
import { permutation } from "../data/index.ts";
import { tensor } from "../engine/tensor/index.ts";
import type { Metric } from "../metrics/index.ts";
import { DataError } from "../util/index.ts";
import { Chunks } from "./chunks.ts";
import type { Debug } from "./debug.ts";
import type { Placed } from "./evaluate.ts";
import type { EpochRecord, Events, Plan, Position, Scores } from "./events.ts";
import { counter, freshMetrics, type MetricStates, never, type TrainState } from "./state.ts";
import type { TrainStep } from "./steps.ts";

/** The loss became NaN or infinite. */
export class NotFiniteError extends DataError {}

/** A training that exists: what is saved and resumed. */
export interface Live {
  state: TrainState;
  position: Position;
  readonly history: EpochRecord[];
}

export interface Job {
  readonly plan: Plan;
  readonly seed: number;
  readonly shuffle: boolean;
  readonly device: string;
  readonly train: Placed;
  readonly metrics: readonly Metric[];
  step(batchSize: number): TrainStep;
  read(states: MetricStates): Promise<Scores>;
  /** Null without debug mode. */
  readonly debug: Debug | null;
  /** Null without validation data. */
  validate: (() => Promise<Scores>) | null;
  emit<K extends keyof Events>(name: K, event: Events[K]): Promise<void>;
  /** Why the run shall end now; null to go on. */
  stopping(): string | null;
}

/** Trains until `plan.epochs` are done or someone asks to stop; resolves to the reason, null when all is done. */
export async function runEpochs(live: Live, job: Job): Promise<string | null> {
  const pace: Pace = { chunks: new Chunks(), compiled: new Set() };
  for (let reason = job.stopping(); live.position.epoch < job.plan.epochs; reason = job.stopping()) {
    if (reason !== null) return reason;
    const stopped = await runEpoch(live, job, pace);
    if (stopped !== null) return stopped;
  }
  return null;
}

interface Pace {
  readonly chunks: Chunks;
  /** Batch sizes whose step is compiled: its time is none of the training's. */
  readonly compiled: Set<number>;
}

async function runEpoch(live: Live, job: Job, { chunks, compiled }: Pace): Promise<string | null> {
  const { plan, device } = job;
  const { epoch } = live.position;
  if (live.position.batch === 0) {
    live.state = { ...live.state, cursor: counter(0, device), metrics: freshMetrics(job.metrics, device) };
    await job.emit("epochStart", { epoch: epoch + 1 });
  }
  const rows = job.shuffle
    ? permutation(plan.rows, job.seed, epoch)
    : Int32Array.from({ length: plan.rows }, (_, row) => row);
  const order = tensor(rows, { dtype: "i32", device });
  const data = { ...job.train, order };
  const full = Math.floor(plan.rows / plan.batchSize);
  let train = await job.read(live.state.metrics);
  while (live.position.batch < plan.batches) {
    const { batch, step } = live.position;
    const size = batch < full ? plan.batchSize : plan.rows % plan.batchSize;
    const count = batch < full && job.debug === null ? chunks.next(full - batch) : 1;
    await job.debug?.keep(live.state, rows, size);
    if (!compiled.has(size)) job.step(size).planFor(live.state, data);
    compiled.add(size);
    await job.emit("batch", { epoch: epoch + 1, batch, count });
    const start = performance.now();
    [live.state] = await job.step(size).repeat(count, live.state, data);
    const before = train;
    train = await job.read(live.state.metrics);
    const seconds = (performance.now() - start) / 1000;
    if (batch < full) chunks.note(count, seconds);
    live.position = { epoch, batch: batch + count, step: step + count };
    await failIfNotFinite(live, train, job);
    const means = meansOf(train, job.metrics);
    const recent = difference(means, before, live.position.batch * plan.batchSize, batch * plan.batchSize);
    await job.emit("stepEnd", { position: live.position, rows: size * count, seconds, train, recent });
    const reason = job.stopping();
    if (reason !== null) {
      order.dispose();
      return reason;
    }
  }
  order.dispose();
  const record = await finishEpoch(live, job, train);
  live.history.push(record);
  live.position = { epoch: epoch + 1, batch: 0, step: live.position.step };
  await job.emit("epochEnd", { record });
  return job.stopping();
}

async function finishEpoch(live: Live, job: Job, train: Scores): Promise<EpochRecord> {
  const epoch = live.position.epoch + 1;
  let validation: Scores | null = null;
  if (job.validate) {
    const start = performance.now();
    validation = await job.validate();
    await job.emit("evaluate", { epoch, scores: validation, seconds: (performance.now() - start) / 1000 });
  }
  return { epoch, step: live.position.step, train, validation };
}

/** A NaN or infinity in any loss of the epoch is in its average; the state then knows which step was the first. */
async function failIfNotFinite(live: Live, train: Scores, { plan, debug }: Job): Promise<void> {
  if (Number.isFinite(train.loss)) return;
  const step = await live.state.failed.item();
  if (step === never) return;
  const epoch = Math.floor(step / plan.batches) + 1;
  const cause =
    debug === null
      ? "With { debug: true } (nabla train: --debug) the operation is named."
      : await debug.explain();
  throw new NotFiniteError(
    `fit: the loss must stay finite; at step ${step + 1} (epoch ${epoch}, batch ${(step % plan.batches) + 1}) it is not. ${cause} Try a lower learning rate, clipByGlobalNorm(1) before the optimizer, or look for extreme values in the data.`,
  );
}

/** Those scores that are means over rows: only of them follows what a part of the rows has. */
const meansOf = (scores: Scores, metrics: readonly Metric[]): Scores =>
  Object.fromEntries(
    metrics.filter(({ mean }) => mean !== false).map(({ name }) => [name, scores[name]]),
  ) as Scores;

/** The averages over the rows since `before`. */
function difference(now: Scores, before: Scores, rowsNow: number, rowsBefore: number): Scores {
  if (rowsBefore === 0) return now;
  const mean = (name: string) =>
    ((now[name] as number) * rowsNow - (before[name] as number) * rowsBefore) / (rowsNow - rowsBefore);
  return Object.fromEntries(Object.keys(now).map((name) => [name, mean(name)])) as Scores;
}
