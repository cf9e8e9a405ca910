/** doctor: a callback that looks at a run while it goes, and says what is wrong as soon as it shows. */
import type { Callback, EpochRecord, Json, Telemetry } from "../train/index.ts";
import { NotFiniteError } from "../train/index.ts";
import { DataError } from "../util/index.ts";
import { type Evidence, type Failure, noEvidence, recentOf } from "./evidence.ts";
import { type Finding, isSeverity, type Severity } from "./finding.ts";
import { writeFindings } from "./findings-file.ts";
import { judge } from "./judge.ts";
import { readTelemetry } from "./recorder.ts";
import { findingLine } from "./report.ts";
import { speedFindings } from "./rules/speed.ts";
import { Unrest } from "./unrest.ts";

export interface DoctorOptions {
  /** What is known of data, model and settings, as `lint` gives it. Default: nothing. */
  readonly evidence?: Evidence;
  /** Gets each finding once, when it first shows or grows graver. Default: a line on stderr. */
  readonly onFinding?: (finding: Finding) => void;
  /** Where findings.json is kept; a resumed run's telemetry.jsonl is read there. A function may name it when the run starts. */
  readonly folder?: string | (() => string);
  /**
   * The first step after one at which a run whose loss jumps about is looked at; null for none. Default: 16,000, 64,000, 256,000, ... Where
   * steps are long, looks are cheap beside them and may come sooner. It must be a function of the step alone.
   */
  readonly nextLook?: (step: number) => number | null;
  /** Gets what went wrong with that folder; default: the run ends with it. */
  readonly onFailure?: (error: unknown) => void;
  /** Names the operation that first gave a number that is none, where the run itself does not know; "" for none. */
  readonly explain?: (failure: NotFiniteError) => Promise<string>;
}

/** Measurements from one judgement within an epoch to the next. */
const WITHIN = 20;
const rank: Readonly<Record<Severity, number>> = { info: 0, warning: 1, severe: 2 };

/**
 * Watches a run by its telemetry (see the Trainer's `telemetry`) and history, judges at the end of each epoch, now and then in a long one,
 * and when it fails, and tells each finding once; a resumed run does not tell it again.
 * @example new Trainer({ ..., callbacks: [progress(), doctor()] });
 */
export function doctor(options: DoctorOptions = {}): Callback {
  const {
    evidence = noEvidence,
    onFinding = (finding) => process.stderr.write(`${findingLine(finding)}\n`),
    explain = async () => "",
  } = options;
  const told = new Map<string, Severity>();
  const unrest = new Unrest(options.nextLook);
  let folder: string | null = null;
  let [telemetry, history]: [readonly Telemetry[], EpochRecord[]] = [[], []];
  let batchSize: number | null = null;
  let firstSize = 1;
  let [step, unjudged] = [0, 0];
  let trained = { rows: 0, seconds: 0, waiting: 0 };
  let written = "";
  let writing: Promise<void> = Promise.resolve();

  const guarded = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (options.onFailure === undefined) throw error;
      options.onFailure(error);
    }
  };
  const look = (failure: Failure | null): void => {
    unjudged = 0;
    const { rows, seconds, waiting } = trained;
    const speed = seconds > 0 ? { waiting: waiting / seconds, rowsPerSecond: rows / seconds } : null;
    const settings = { ...(evidence.settings ?? unknownSettings), batchSize };
    const { looks } = unrest;
    const findings = judge({ ...evidence, settings, telemetry, history, failure, speed, looks });
    for (const finding of findings) {
      const before = told.get(finding.id);
      if (before !== undefined && rank[before] >= rank[finding.severity]) continue;
      told.set(finding.id, finding.severity);
      onFinding(finding);
    }
    const dir = folder;
    const key = JSON.stringify([findings.map(({ id, severity }) => [id, severity]), failure]);
    if (dir === null || key === written) return;
    written = key;
    const judgement = { step, findings, failure, speed, looks };
    // Beside training; the promise of one that is refused is awaited where the next is.
    writing = writing.then(() => guarded(() => writeFindings(dir, judgement)));
    writing.catch(() => undefined);
  };
  /** As they are at the end: before, only what is new is written. */
  const lookFully = async (failure: Failure | null): Promise<void> => {
    written = "";
    look(failure);
    await writing;
  };
  return {
    name: "doctor",
    async start({ position, history: before, plan }, run) {
      [telemetry, history, unjudged, written] = [[], [...before], 0, ""];
      trained = { rows: 0, seconds: 0, waiting: 0 };
      batchSize = plan.batches === null ? null : plan.batchSize;
      firstSize = plan.batchSize;
      step = position.step;
      unrest.begin(step, run);
      const dir = typeof options.folder === "function" ? options.folder() : (options.folder ?? null);
      folder = dir;
      told.clear();
      // What is known before the first step is said before it; a resumed run's state says what was told.
      if (step === 0) {
        if (evidence.data !== null || evidence.model !== null) look(null);
        await writing; // a folder that cannot be written is said before the first step
        return;
      }
      if (dir === null) return;
      await guarded(async () => {
        telemetry = recentOf((await readTelemetry(dir)).filter((sample) => sample.step < step));
      });
    },
    telemetry(event) {
      const before = telemetry.filter((sample) => sample.step < event.telemetry.step);
      telemetry = recentOf([...before, event.telemetry]);
      unrest.hear(event.telemetry);
      unjudged++;
    },
    async stepEnd({ rows, seconds, waiting, position }, run) {
      step = position.step;
      trained = {
        rows: trained.rows + rows,
        seconds: trained.seconds + seconds,
        waiting: trained.waiting + waiting,
      };
      await unrest.look(step, firstSize, run);
      if (unjudged >= WITHIN) look(null);
    },
    rollback(event, run) {
      unrest.begin(event.position.step, run);
      history = [...event.history];
      telemetry = telemetry.filter(({ step }) => step < event.position.step);
    },
    epochEnd({ record }) {
      // A run may have gone back.
      history = [...history.filter(({ epoch }) => epoch < record.epoch), record];
      look(null);
    },
    stop: () => lookFully(null),
    async error({ error }) {
      if (!(error instanceof NotFiniteError)) return lookFully(null);
      const operation = error.operation === "" ? await explain(error) : error.operation;
      await lookFully({ step: error.step, operation });
    },
    // Equal runs have checkpoints of equal bytes: what clocks say is not in them, and may be told again.
    state: () => ({
      ...Object.fromEntries([...told].filter(([id]) => !clocked.has(id))),
      unrest: unrest.state(),
    }),
    restore(state) {
      const { unrest: seen, ...severities } = entriesOf(state);
      if (seen !== undefined) unrest.restore(seen);
      for (const [id, severity] of Object.entries(toldOf(severities))) told.set(id, severity);
    },
  };
}

const clocked: ReadonlySet<string> = new Set(speedFindings);

const unknownSettings = { learningRate: null, weightDecay: null, shuffled: true, partOfRows: false };

const entriesOf = (state: Json): Readonly<Record<string, Json | undefined>> =>
  Object.fromEntries(typeof state === "object" && state !== null ? Object.entries(state) : []);

function toldOf(state: Readonly<Record<string, Json | undefined>>): Readonly<Record<string, Severity>> {
  return Object.fromEntries(
    Object.entries(state).map(([id, severity]) => {
      if (isSeverity(severity)) return [id, severity];
      throw new DataError(`doctor: its state must be severities by finding; got ${JSON.stringify(state)}.`);
    }),
  );
}
