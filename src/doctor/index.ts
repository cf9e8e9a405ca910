export { type DoctorOptions, doctor } from "./callback.ts";
export {
  type ColumnFacts,
  type DataFacts,
  dataFacts,
  type InputFacts,
  type TargetFacts,
} from "./data-facts.ts";
export {
  type Evidence,
  type Failure,
  noEvidence,
  type RangeFacts,
  recentOf,
  type Settings,
  type Speed,
} from "./evidence.ts";
export { type Examination, examine, lint } from "./examine.ts";
export { type Finding, type FindingId, findingIds, type Severity } from "./finding.ts";
export {
  findingsFile,
  type Judged,
  type Judgement,
  nothingJudged,
  readJudgement,
  writeFindings,
} from "./findings-file.ts";
export { applyRemedies } from "./fix/apply.ts";
export { type Attempt, type Fixed, type FixOptions, fix } from "./fix/fix.ts";
export { type Comparison, compareRemedies, type TrialOptions } from "./fix/trial.ts";
export { judge } from "./judge.ts";
export type { Look } from "./look.ts";
export { type ModelFacts, modelFacts } from "./model-facts.ts";
export { type ProbeOptions, probe } from "./probe.ts";
export { readTelemetry, telemetryFile, telemetryRecorder } from "./recorder.ts";
export { type Remedy, remedyWords } from "./remedy.ts";
export { findingLine, findingLines } from "./report.ts";
