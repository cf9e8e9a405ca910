/** examine: everything the doctor does to an experiment: looks at data and model, trains a short probe, and judges. */
import { Dataset } from "../data/index.ts";
import { type Experiment, type ExperimentData, experimentData, experimentModel } from "../train/index.ts";
import { type DataFacts, dataFacts } from "./data-facts.ts";
import { type Evidence, noEvidence } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { judge } from "./judge.ts";
import { modelFacts } from "./model-facts.ts";
import { type ProbeOptions, probe, rangeFacts } from "./probe.ts";

export interface Examination {
  readonly findings: readonly Finding[];
  readonly evidence: Evidence;
  /** Whether it was trained, or found wrong before. */
  readonly trained: boolean;
}

/** Looks at an experiment before training. Throws what making its data and model throws. */
export async function lint(experiment: Experiment, given?: ExperimentData): Promise<Examination> {
  const data = given ?? (await experimentData(experiment));
  const { train } = data;
  const validation = data.validation ?? data.test;
  const facts: DataFacts | null = train instanceof Dataset ? dataFacts(train, validation) : null;
  const { loss, seed = 0 } = experiment;
  const model =
    train instanceof Dataset
      ? await modelFacts({ model: experimentModel(experiment), loss, seed }, train)
      : null;
  const shuffled = experiment.sampler !== undefined || (experiment.shuffle ?? true);
  const evidence: Evidence = {
    ...noEvidence,
    settings: { learningRate: null, weightDecay: null, batchSize: null, shuffled, partOfRows: false },
    data: facts,
    model,
  };
  return { findings: judge(evidence), evidence, trained: false };
}

/**
 * Lints an experiment, trains it for some hundred steps, tests the range of its learning rate, and judges. The experiment's callbacks take
 * no part; a model that is given by itself and not by a function is trained.
 * @throws What making data and model throws, and `fit`; a loss that is not finite is a finding.
 * @example const { findings } = await examine(experiment, { steps: 300 });
 */
export async function examine(experiment: Experiment, options: ProbeOptions = {}): Promise<Examination> {
  const data = await experimentData(experiment);
  const before = await lint(experiment, data);
  // A step could not be taken, or would say nothing.
  const hopeless = before.findings.some(({ id }) => id === "data-not-finite");
  if (hopeless || (before.evidence.model?.labelError ?? null) !== null) return before;
  const range = await rangeFacts(experiment, data, options.signal);
  const evidence: Evidence = { ...before.evidence, ...(await probe(experiment, data, options)), range };
  return { findings: judge(evidence), evidence, trained: true };
}
