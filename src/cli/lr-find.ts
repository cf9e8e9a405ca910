/** nabla lr-find: the learning-rate range test of an experiment, drawn. */
import { setDefaultDevice } from "../engine/runtime/index.ts";
import {
  experimentData,
  experimentModel,
  firstBatchSize,
  inMemory,
  type LrFindResult,
  lrFind,
  lrFindChart,
  lrFindReport,
} from "../train/index.ts";
import { plotCurve } from "./curve.ts";
import { exitCodes } from "./exit.ts";
import { inFile, loadExperiment, shortPath } from "./load.ts";
import { optimizerByName } from "./optimizers.ts";
import { type CommonOptions, print, printJson, shellWord, useDevice } from "./options.ts";
import { checkOut, writeOut } from "./out-file.ts";
import { interruptedBy, interruptible } from "./signals.ts";

export interface LrFindCommandOptions extends CommonOptions {
  readonly from?: number;
  readonly to?: number;
  readonly steps?: number;
  readonly batchSize?: number;
  readonly optimizer?: string;
  readonly seed?: number;
  readonly out?: string;
}

/** Runs the command and gives its exit code. */
export async function lrFindCommand(file: string, options: LrFindCommandOptions): Promise<number> {
  useDevice(options);
  const optimizer = options.optimizer === undefined ? null : optimizerByName(options.optimizer);
  const ending = options.out === undefined ? null : await checkOut(options.out, [".svg", ".html"]);
  const experiment = await loadExperiment(file);
  if (options.device === undefined && experiment.device !== undefined) setDefaultDevice(experiment.device);
  const { from, to, steps } = options;
  let result: LrFindResult;
  let code: number = exitCodes.done;
  try {
    const train = inMemory("lr-find", (await experimentData(experiment)).train);
    const parts = {
      model: experimentModel(experiment),
      loss: experiment.loss,
      augment: experiment.augment,
      optimizer: optimizer ?? experiment.optimizer,
      seed: options.seed ?? experiment.seed ?? 0,
    };
    const given = Object.fromEntries(
      Object.entries({ from, to, steps }).filter(([, value]) => value !== undefined),
    );
    const batchSize = options.batchSize ?? firstBatchSize(experiment.batchSize ?? 32);
    result = await interruptible(async (signal) => {
      const found = await lrFind(parts, train, { ...given, batchSize, signal });
      if (found.reason === "interrupted") code = interruptedBy(signal);
      return found;
    }, "finishing the step and showing what there is; once more to end at once");
  } catch (error) {
    throw inFile(error, shortPath(file));
  }
  print(options, chart(result));
  print(options, words(result, file));
  if (options.out !== undefined) {
    const about = { title: experiment.name, subtitle: `nabla lr-find ${shortPath(file)}` };
    const text = ending === ".svg" ? lrFindChart(result, experiment.name) : lrFindReport(result, about);
    print(options, await writeOut(options.out, text));
  }
  printJson(options, { experiment: shortPath(file), ...result });
  return code;
}

const rate = (value: number): string => value.toPrecision(2);

function chart({ points }: LrFindResult): string {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return "";
  // What explodes at the end would press the rest flat.
  const least = Math.min(...points.map(({ smoothed }) => smoothed));
  const most = Math.max(first.smoothed, least) * 1.2;
  const curve = plotCurve(
    "smoothed loss",
    points.map(({ smoothed }) => Math.min(smoothed, most)),
  );
  return `${curve}\n         learning rate ${rate(first.learningRate)} to ${rate(last.learningRate)}, each step the same factor`;
}

function words({ suggestion, tenthOfLeast, fall, reason, points }: LrFindResult, file: string): string {
  const end =
    reason === "diverged"
      ? `the loss exploded at ${rate(points.at(-1)?.learningRate ?? 0)}`
      : reason === "interrupted"
        ? "interrupted"
        : "the loss did not explode: try a larger --to";
  if (suggestion === null && reason === "interrupted") return `${end}; it has not fallen by then`;
  if (suggestion === null) {
    return `${end}; it fell nowhere, so there is no rate to suggest. Look at the data, the loss and the initial values.`;
  }
  const why =
    fall < 0.1
      ? `the loss fell by ${Math.round(100 * fall)} % only, which says little: more --steps say more`
      : "three quarters of the fall are behind it";
  return `${end}\nsuggested learning rate ${rate(suggestion)} (${why}); a tenth of the best point's is ${rate(tenthOfLeast)}\ntry: nabla train ${shellWord(shortPath(file))} --lr ${rate(suggestion)}`;
}
