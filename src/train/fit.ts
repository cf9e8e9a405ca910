/** The loop of a run: epochs of chunks of compiled steps, measured and announced. It computes the same whatever the chunks are. */
import { tensor } from "../engine/tensor/index.ts";
import type { Metric } from "../metrics/index.ts";
import { lossError, recentScores } from "./after-steps.ts";
import { type Batching, rateFactor } from "./batch-size.ts";
import { asked, factorData, rescued } from "./between-steps.ts";
import { Chunks } from "./chunks.ts";
import type { Debug } from "./debug.ts";
import type { Placed } from "./evaluate.ts";
import type { BatchRecord, EpochRecord, Events, Plan, Position, Scores } from "./events.ts";
import { type Feed, fedSteps } from "./fed.ts";
import { after, type NoiseState, scaleOf, untilDue } from "./noise-scale.ts";
import type { NoiseMeter } from "./noise-step.ts";
import { counter, freshMetrics, type MetricStates, type TrainState } from "./state.ts";
import type { TrainData, TrainStep } from "./steps.ts";
import type { Telemeter } from "./telemetry.ts";

/** A training that exists: what is saved and resumed. */
export interface Live {
  state: TrainState;
  position: Position;
  readonly history: EpochRecord[];
  /** Null before the first measurement of gradient noise. */
  noise: NoiseState | null;
  /** What callbacks have learning rates be times. */
  learningRateFactor: number;
}

export interface Job {
  readonly plan: Plan;
  /** The rows of an epoch in order. */
  order(epoch: number): Int32Array;
  readonly dropLast: boolean;
  readonly batching: Batching;
  readonly meter: NoiseMeter;
  readonly device: string;
  /** In memory, or batch by batch. */
  readonly train: Placed | Feed;
  readonly metrics: readonly Metric[];
  step(batchSize: number): TrainStep;
  read(states: MetricStates): Promise<Scores>;
  /** Null without debug mode. */
  readonly debug: Debug | null;
  /** Null without telemetry. */
  readonly telemeter: Telemeter | null;
  /** Null without validation data. */
  validate: (() => Promise<Scores>) | null;
  emit<K extends keyof Events>(name: K, event: Events[K]): Promise<void>;
  /** Why the run shall end now; null to go on. */
  stopping(): string | null;
  /** Steps until the next one at which a callback wants to be heard. */
  untilBreak(step: number): number;
  /** Goes back where a callback asked for it; whether it did. */
  wentBack(): Promise<boolean>;
}

/** Trains until `plan.epochs` are done or someone asks to stop; resolves to the reason, null when all is done. */
export async function runEpochs(live: Live, job: Job): Promise<string | null> {
  const pace: Pace = { chunks: new Map(), compiled: new Set(), size: null, factor: null };
  for (let reason = job.stopping(); live.position.epoch < job.plan.epochs; reason = job.stopping()) {
    if (reason !== null) return reason;
    const stopped = await runEpoch(live, job, pace);
    if (stopped !== null) return stopped;
  }
  return null;
}

export interface Pace {
  /** By batch size. */
  readonly chunks: Map<number, Chunks>;
  /** Batch sizes whose step is compiled: its time is none of the training's. */
  readonly compiled: Set<number>;
  /** That of the last steps; null before the first. */
  size: number | null;
  /** What their learning rates were times; null where that is no input of the step. */
  factor: number | null;
}

async function runEpoch(live: Live, job: Job, pace: Pace): Promise<string | null> {
  const { device } = job;
  const { epoch } = live.position;
  if (live.position.batch === 0) {
    live.state = { ...live.state, cursor: counter(0, device), metrics: freshMetrics(job.metrics, device) };
    await job.emit("epochStart", { epoch: epoch + 1 });
  }
  const train = await job.read(live.state.metrics);
  const done =
    "batches" in job.train
      ? await fedSteps(live, job, job.train, pace, train)
      : await steps(live, job, job.train, pace, train);
  if ("left" in done) return done.left;
  const record = await finishEpoch(live, job, done.train);
  live.history.push(record);
  live.position = { epoch: epoch + 1, batch: 0, row: 0, step: live.position.step };
  await job.emit("epochEnd", { record });
  return (await asked(job))?.left ?? null;
}

/** What the rest of an epoch came to: its scores; or why it was left, which is null where the run went back. */
export type Done = { readonly train: Scores } | Left;
export type Left = { readonly left: string | null };

/** The rest of an epoch over data in memory: whole stretches of it are one native call. */
async function steps(live: Live, job: Job, placed: Placed, pace: Pace, begun: Scores): Promise<Done> {
  const { plan, device } = job;
  const { epoch } = live.position;
  let train = begun;
  const rows = job.order(epoch);
  const order = tensor(rows, { dtype: "i32", device });
  let data: TrainData = { ...placed, order };
  let factorOf = { size: 0, learningRate: 0 }; // what `data` has the factor of
  while (live.position.row < plan.rows) {
    const measuring = await measureNoise(live, job, { ...placed, order });
    const { batch, row, step } = live.position;
    const left = plan.rows - row;
    const next = job.batching.at(live.position, live.noise);
    if (left < next.size && job.dropLast) break;
    if (factorOf.size !== next.size || factorOf.learningRate !== live.learningRateFactor) {
      factorOf = { size: next.size, learningRate: live.learningRateFactor };
      data = { ...placed, order, ...factorData(live, job, pace, next.size) };
      if (job.batching.scaling !== null && pace.size !== next.size)
        await job.emit("batchSize", { position: live.position, ...recordOf(job, next.size, live.noise) });
    }
    pace.size = next.size;
    const size = Math.min(next.size, left);
    const chunks = pace.chunks.get(size) ?? new Chunks();
    pace.chunks.set(size, chunks);
    const most = Math.min(Math.floor(left / size), next.steps, job.untilBreak(step));
    const count = job.debug === null ? chunks.next(most) : 1;
    await job.debug?.keep(live.state, placed, rows, size, data.rateFactor);
    const telemeter = size === Math.min(next.size, plan.rows) ? job.telemeter : null; // not of what is left at an epoch's end
    if (!pace.compiled.has(size)) {
      job.step(size).planFor(live.state, data);
      telemeter?.prepare(size, live.state, data);
    }
    pace.compiled.add(size);
    await job.emit("batch", { epoch: epoch + 1, batch, count, position: live.position });
    const start = performance.now();
    if (telemeter) live.state = await telemeter.advance(job.step(size), size, count, step, live.state, data);
    else [live.state] = await job.step(size).repeat(count, live.state, data);
    const before = train;
    train = await job.read(live.state.metrics);
    const training = (performance.now() - start) / 1000;
    chunks.note(count, training);
    const seconds = measuring + training;
    live.position = { epoch, batch: batch + count, row: row + size * count, step: step + count };
    for (const telemetry of (await job.telemeter?.read()) ?? []) await job.emit("telemetry", { telemetry });
    const error = await lossError(live, train, job.debug);
    if (error !== null) return rescued(live, job, error);
    const recent = recentScores(train, before, live.position.row, row, job.metrics);
    await job.emit("stepEnd", {
      position: live.position,
      rows: size * count,
      seconds,
      waiting: 0,
      train,
      recent,
    });
    const end = await asked(job);
    if (end !== null) {
      order.dispose();
      return end;
    }
  }
  order.dispose();
  return { train };
}

async function finishEpoch(live: Live, job: Job, train: Scores): Promise<EpochRecord> {
  const epoch = live.position.epoch + 1;
  let validation: Scores | null = null;
  if (job.validate) {
    const start = performance.now();
    validation = await job.validate();
    await job.emit("evaluate", { epoch, scores: validation, seconds: (performance.now() - start) / 1000 });
  }
  const record = { epoch, step: live.position.step, train, validation };
  if (job.batching.scaling === null) return record;
  const { size } = job.batching.at({ ...live.position, step: record.step - 1 }, live.noise);
  return { ...record, batch: recordOf(job, size, live.noise) };
}

const recordOf = ({ batching }: Job, size: number, noise: NoiseState | null): BatchRecord => ({
  size,
  learningRateFactor: rateFactor(batching, size),
  noiseScale: scaleOf(batching.noise ? noise : null),
});

/** Measures the gradient noise where that is due, on the next whole batch; resolves to the seconds it took. */
async function measureNoise(live: Live, job: Job, data: TrainData): Promise<number> {
  const { plan, batching } = job;
  const { position, noise } = live;
  if (batching.noise === null || untilDue(batching.noise.options, position.step, noise) > 0) return 0;
  const { size } = batching.at(position, noise);
  if (plan.rows - position.row < size) return 0;
  const { seconds, ...measured } = await job.meter.measure(live.state, data, size);
  // Loss or parameters will be no numbers either, which says more: the means stay as they are.
  if (!Number.isFinite(measured.signal) || !Number.isFinite(measured.noise)) return seconds;
  live.noise = after(batching.noise.options, noise, position.step, measured);
  await job.emit("noise", { position, noiseScale: scaleOf(live.noise), ...measured });
  return seconds;
}
