/** Steps on data that is not in memory: each takes its batch from a loader or a stream, while that prepares the next. */
import { Dataset, deviceRows, type HostBatch, type HostBatches, toTensor } from "../data/index.ts";
import { type Tensor, tensor } from "../engine/tensor/index.ts";
import { DataError } from "../util/index.ts";
import { lossError, recentScores } from "./after-steps.ts";
import { asked, factorData, rescued } from "./between-steps.ts";
import { checkFit, checkLabels } from "./check.ts";
import { Chunks } from "./chunks.ts";
import type { Scores } from "./events.ts";
import type { Done, Job, Live, Pace } from "./fit.ts";
import { counter } from "./state.ts";
import type { Parts, TrainData } from "./steps.ts";

/** Batches, and what each must pass before its step. */
export interface Feed {
  readonly batches: HostBatches;
  /** Throws DataError naming the batch and the row of a label out of range. */
  check(batch: HostBatch, name: string): Promise<void>;
}

/** Looks at an epoch's first batch as `checkFit` looks at data in memory. */
export async function feedOf(parts: Parts, batches: HostBatches, epoch: number): Promise<Feed> {
  const first = await batches.peek(epoch);
  const size = first.x.shape[0] as number;
  const outputs = await checkFit(parts, new Dataset(first.x, first.y), size, "the training data");
  return { batches, check: ({ y }, name) => checkLabels(y, outputs, parts.loss, name) };
}

/** The rest of an epoch. It computes what steps on the same batches in memory do, to the bit. */
export async function fedSteps(live: Live, job: Job, feed: Feed, pace: Pace, begun: Scores): Promise<Done> {
  const { plan, device } = job;
  const { epoch } = live.position;
  const source = feed.batches.host(epoch, live.position.batch);
  const ask = (): Promise<IteratorResult<HostBatch>> => {
    const next = source.next();
    next.catch(() => undefined); // thrown where it is awaited
    return next;
  };
  const orders = new Map<number, Int32Array>();
  const chunks = pace.chunks.get(plan.batchSize) ?? new Chunks();
  pace.chunks.set(plan.batchSize, chunks);
  let train = begun;
  let pending = ask();
  try {
    while (live.position.row < plan.rowsPerEpoch) {
      const before = train;
      const { batch, row, step: from } = live.position;
      const left = Math.ceil((plan.rowsPerEpoch - row) / plan.batchSize);
      const count = job.debug === null ? chunks.next(Math.min(left, job.untilBreak(from))) : 1;
      await job.emit("batch", { epoch: epoch + 1, batch, count, position: live.position });
      const factor = factorData(live, job, pace, plan.batchSize);
      let [waiting, compiling] = [0, 0];
      const start = performance.now();
      for (let i = 0; i < count; i++) {
        const asked = performance.now();
        const { done, value } = await pending;
        waiting += performance.now() - asked;
        if (done) throw endless(plan.rowsPerEpoch, live.position.row);
        const size = value.x.shape[0] as number;
        await feed.check(value, `the training data, batch ${batch + i + 1} of epoch ${epoch + 1}`);
        const order = orders.get(size) ?? Int32Array.from({ length: size }, (_, at) => at);
        orders.set(size, order);
        const placed = { x: deviceRowsOf(value, device), y: toTensor(value.y, device) };
        const data: TrainData = { ...placed, order: tensor(order, { dtype: "i32", device }), ...factor };
        // Its memory is on the device: the next batch may be made while this one is trained on.
        pending = ask();
        live.state = { ...live.state, cursor: counter(0, device) };
        await job.debug?.keep(live.state, placed, order, size, data.rateFactor);
        const telemeter = size === Math.min(plan.batchSize, plan.rowsPerEpoch) ? job.telemeter : null;
        if (!pace.compiled.has(size)) {
          const compile = performance.now();
          job.step(size).planFor(live.state, data);
          telemeter?.prepare(size, live.state, data);
          compiling += performance.now() - compile;
          pace.compiled.add(size);
        }
        const { step } = live.position;
        if (telemeter) live.state = await telemeter.advance(job.step(size), size, 1, step, live.state, data);
        else [live.state] = await job.step(size).repeat(1, live.state, data);
        // Debug mode looks at them again.
        if (job.debug === null) dispose(data);
        const { position } = live;
        live.position = {
          epoch,
          batch: position.batch + 1,
          row: position.row + size,
          step: position.step + 1,
        };
      }
      // As after the same steps on data in memory, so that the state is the same too.
      live.state = { ...live.state, cursor: counter(live.position.row, device) };
      train = await job.read(live.state.metrics);
      const seconds = (performance.now() - start - compiling) / 1000;
      chunks.note(count, seconds);
      for (const telemetry of (await job.telemeter?.read()) ?? []) await job.emit("telemetry", { telemetry });
      const error = await lossError(live, train, job.debug);
      if (error !== null) return await rescued(live, job, error);
      const recent = recentScores(train, before, live.position.row, row, job.metrics);
      const rows = live.position.row - row;
      const { position } = live;
      await job.emit("stepEnd", { position, rows, seconds, waiting: waiting / 1000, train, recent });
      const end = await asked(job);
      if (end !== null) return end;
    }
    // Streams count their rows at their end.
    const { done } = await pending;
    if (!done) throw endless(plan.rowsPerEpoch, "more");
    return { train };
  } finally {
    await source.return(undefined);
  }
}

const endless = (rows: number, got: number | string): DataError =>
  new DataError(`fit: an epoch must have the ${rows} rows that were announced; got ${got}.`);

/** A copy: what a loader gives is void once the next batch is asked for. */
function deviceRowsOf({ x }: HostBatch, device: string): ReturnType<typeof deviceRows> {
  return "takeRows" in x ? deviceRows(x, device) : toTensor(x, device);
}

function dispose({ x, y, order }: TrainData): void {
  const tensors: Tensor[] = [y, order, ...("bytes" in x ? Object.values(x) : [x])];
  for (const one of tensors) one.dispose();
}
