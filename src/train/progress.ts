/** Progress: a live bar on a terminal, plain lines elsewhere; on stderr, so that stdout stays for results. */
import type { SingleBar } from "cli-progress";
import type { Callback, EpochRecord, Events, Plan } from "./events.ts";
import { formatRate, formatScore, formatScores, formatSeconds } from "./format.ts";

export interface ProgressOptions {
  /** Default: process.stderr. */
  readonly stream?: NodeJS.WriteStream;
  /** Seconds between plain lines within an epoch; default 10. */
  readonly everySeconds?: number;
}

/** What one epoch reached, in a line. */
export function epochLine(
  record: EpochRecord,
  epochs: number,
  seconds: number,
  rows: number,
  waiting = 0,
): string {
  const { epoch, train, validation, batch } = record;
  const place = `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`;
  const measured = validation ? `  validation ${formatScores(validation)}` : "";
  const speed = seconds > 0 ? `  ${formatRate(rows / seconds)}` : "";
  const size = batch ? `  batch ${batch.size}` : "";
  return `${place}  ${formatScores(train)}${measured}${speed}${waits(waiting, seconds)}${size}`;
}

/** The share of the time that steps waited for data, once it is worth a word. */
function waits(waiting: number, seconds: number): string {
  const percent = Math.round((100 * waiting) / seconds);
  return percent >= 1 ? `  waits for data ${percent}%` : "";
}

/**
 * Shows a run while it goes: bar, share, loss, metrics, samples a second and the time left on a terminal; a line per epoch, and
 * every ten seconds within a long one, elsewhere.
 *
 * @example new Trainer({ ..., callbacks: [progress()] });
 */
export function progress(options: ProgressOptions = {}): Callback {
  const stream = options.stream ?? process.stderr;
  const everySeconds = options.everySeconds ?? 10;
  let plan: Plan | null = null;
  let bar: SingleBar | null = null;
  let startBar: ((epoch: number, done: number) => void) | null = null;
  let rows = 0; // of this epoch, with the seconds they took
  let seconds = 0;
  let waiting = 0; // of those seconds
  let recentRows = 0; // both decay over a few seconds; their quotient is the rate shown
  let recentSeconds = 0;
  let size = ""; // of the batches, where it changes
  let rowsDone = 0; // of this epoch, before a resume too
  let lastLine = 0;

  const line = (text: string): void => {
    stream.write(`${text}\n`);
    lastLine = performance.now();
  };
  const closeBar = (): void => {
    bar?.stop();
    bar = null;
  };
  const shown = ({ train, position }: Events["stepEnd"], { epochs, rowsPerEpoch }: Plan) => {
    const left = Math.max(0, (epochs - position.epoch) * rowsPerEpoch - position.row);
    const rate = recentRows / recentSeconds;
    return {
      scores: formatScores(train),
      speed: `${formatRate(rate)}${waits(waiting, seconds)}${size}`,
      left: formatSeconds(left / rate),
    };
  };

  return {
    name: "progress",
    async start(event) {
      plan = event.plan;
      rowsDone = event.position.row;
      size = "";
      recentRows = 0;
      recentSeconds = 0;
      lastLine = performance.now();
      line(
        `${plan.parameters.toLocaleString("en-US")} parameters, ${plan.rows.toLocaleString("en-US")} rows, batch ${plan.batchSize}, on ${plan.device}`,
      );
      for (const note of plan.notes) line(`note: ${note}`);
      if (!stream.isTTY) return;
      const { SingleBar } = await import("cli-progress");
      startBar = (epoch, done) => {
        const all = plan as Plan;
        bar = new SingleBar({
          format: `epoch ${epoch}/${all.epochs} {bar} {percentage}% | {scores} | {speed} | {left} left`,
          stream,
          barCompleteChar: "█",
          barIncompleteChar: "░",
          barsize: 24,
          hideCursor: true,
          clearOnComplete: true,
          fps: 12,
          gracefulExit: false, // Ctrl-C is the command line's to handle: it saves first
        });
        bar.start(all.rowsPerEpoch, done, { scores: "loss ...", speed: "", left: "?" });
      };
    },
    epochStart() {
      rowsDone = 0;
      rows = 0;
      seconds = 0;
      waiting = 0;
    },
    batchSize({ position, size: rowsOfBatch, learningRateFactor, noiseScale }) {
      size = `, batch ${rowsOfBatch}`;
      if (stream.isTTY || position.step === 0) return; // the bar shows it; the first line has
      const rate = learningRateFactor === 1 ? "" : `, learning rate x ${formatScore(learningRateFactor)}`;
      const noise = noiseScale === null ? "" : `, noise scale ${Math.round(noiseScale)}`;
      line(`batch ${rowsOfBatch} from step ${position.step + 1} on${rate}${noise}`);
    },
    batch({ epoch }) {
      if (!bar) startBar?.(epoch, rowsDone);
    },
    stepEnd(event) {
      if (!plan) return;
      rowsDone = event.position.row;
      rows += event.rows;
      seconds += event.seconds;
      waiting += event.waiting;
      const decay = Math.exp(-event.seconds / 2);
      recentRows = recentRows * decay + event.rows;
      recentSeconds = recentSeconds * decay + event.seconds;
      const text = shown(event, plan);
      if (bar) bar.update(rowsDone, text);
      else if (performance.now() - lastLine > everySeconds * 1000) {
        const share = Math.floor((100 * rowsDone) / plan.rowsPerEpoch);
        line(
          `epoch ${event.position.epoch + 1}/${plan.epochs} ${share}%  ${text.scores}  ${text.speed}  ${text.left} left`,
        );
      }
    },
    epochEnd({ record }) {
      if (!plan) return;
      closeBar();
      // Thousands of tiny epochs are not thousands of lines.
      const last = record.epoch === plan.epochs;
      const quick = performance.now() - lastLine < 100 && record.epoch > 20;
      if (last || !quick) line(epochLine(record, plan.epochs, seconds, rows, waiting));
    },
    rollback({ reason, from, position }) {
      closeBar();
      rowsDone = position.row;
      line(`back from step ${from.step} to step ${position.step}: ${reason}`);
    },
    stop({ reason, position }) {
      closeBar();
      if (reason !== null)
        line(`stopped at epoch ${position.epoch + (position.batch > 0 ? 1 : 0)}: ${reason}`);
    },
    error() {
      closeBar();
    },
  };
}
