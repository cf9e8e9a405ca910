/** doctor: a callback that looks at a run while it goes, and says what is wrong as soon as it shows. */
import type { Callback, EpochRecord, Telemetry } from "../train/index.ts";
import { NotFiniteError } from "../train/index.ts";
import { type Evidence, noEvidence } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { judge } from "./judge.ts";
import { findingLine } from "./report.ts";

export interface DoctorOptions {
  /** What is known of data, model and settings, as `lint` gives it. Default: nothing. */
  readonly evidence?: Evidence;
  /** Gets each finding once, when it first shows or grows graver. Default: a line on stderr. */
  readonly onFinding?: (finding: Finding) => void;
}

/** Telemetry that is judged together: as much as the rules were made for. */
const RECENT = 60;
const rank = { info: 0, warning: 1, severe: 2 } as const;

/**
 * Watches a run by its telemetry (every 50 steps unless the Trainer says otherwise) and history, judges at the end of each epoch and when
 * it fails, and tells each finding once.
 * @example new Trainer({ ..., callbacks: [progress(), doctor()] });
 */
export function doctor(options: DoctorOptions = {}): Callback {
  const {
    evidence = noEvidence,
    onFinding = (finding) => process.stderr.write(`${findingLine(finding)}\n`),
  } = options;
  const told = new Map<Finding["id"], Finding["severity"]>();
  let telemetry: Telemetry[] = [];
  let history: EpochRecord[] = [];
  let batchSize: number | null = null;
  const look = (failure: Evidence["failure"]): void => {
    const known = evidence.settings ?? {
      learningRate: null,
      weightDecay: null,
      batchSize,
      shuffled: true,
      partOfRows: false,
    };
    for (const finding of judge({ ...evidence, settings: known, telemetry, history, failure })) {
      const before = told.get(finding.id);
      if (before !== undefined && rank[before] >= rank[finding.severity]) continue;
      told.set(finding.id, finding.severity);
      onFinding(finding);
    }
  };
  return {
    start(event) {
      telemetry = [];
      history = [...event.history];
      batchSize = event.plan.batches === null ? null : event.plan.batchSize;
      // What is known before the first step is said before it.
      if (evidence.data !== null || evidence.model !== null) look(null);
    },
    telemetry(event) {
      // The first shows how it began; of the others, the last.
      telemetry.push(event.telemetry);
      if (telemetry.length > RECENT) telemetry.splice(1, 1);
    },
    rollback(event) {
      history = [...event.history];
      telemetry = telemetry.filter(({ step }) => step < event.position.step);
    },
    epochEnd({ record }) {
      history.push(record);
      look(null);
    },
    error({ error }) {
      if (error instanceof NotFiniteError) look({ step: error.step, operation: error.operation });
    },
  };
}
