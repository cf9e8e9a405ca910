/** robustness: how often a classifier is right when its inputs are attacked or noisy. */
import { type Dataset, toTensor } from "../../data/index.ts";
import { random, type Tensor } from "../../engine/tensor/index.ts";
import { accuracy } from "../../metrics/index.ts";
import { type Module, predict } from "../../nn/index.ts";
import { ConfigError, optionNames, rejectUnknown } from "../../util/index.ts";
import { checkPositive, checkWhole } from "../checks.ts";
import { byBatches } from "../compiled.ts";
import { measure } from "../measure.ts";
import { checkWithin, fgsm, type PgdOptions, pgd } from "./attack.ts";

export interface RobustnessOptions extends Omit<PgdOptions, "epsilon"> {
  /** How far attacks may go, each above 0. */
  readonly epsilons: readonly number[];
  /** Default "pgd". */
  readonly attack?: "pgd" | "fgsm";
  /** Standard deviations of Gaussian noise, each above 0. Default none. */
  readonly noise?: readonly number[];
}

const known = optionNames<RobustnessOptions>({
  epsilons: true,
  attack: true,
  noise: true,
  norm: true,
  steps: true,
  stepSize: true,
  randomStart: true,
  seed: true,
  range: true,
  batch: true,
});

export interface Robustness {
  readonly rows: number;
  /** Accuracy on the inputs as they are. */
  readonly clean: number;
  readonly attacks: readonly { readonly epsilon: number; readonly accuracy: number }[];
  readonly noise: readonly { readonly deviation: number; readonly accuracy: number }[];
}

/**
 * Accuracy on the rows of a data set as they are, attacked for each epsilon, and with N(0, deviation^2) added, clipped to the range.
 * The data's labels are class numbers, or 0 and 1 for a model of one logit. What an attack finds is an upper bound of the accuracy
 * that a cleverer one would leave.
 * @throws as `pgd`; ConfigError where there is neither an epsilon nor noise.
 * @example const { clean, attacks } = await robustness(model, test.head(500), { epsilons: [0.05, 0.1], noise: [0.2] });
 */
export async function robustness(
  model: Module,
  data: Dataset,
  options: RobustnessOptions,
): Promise<Robustness> {
  const op = "robustness";
  rejectUnknown(op, options, known);
  const { epsilons, attack = "pgd", noise = [], ...rest } = options;
  const { seed = 0, batch = 128, range = [0, 1] } = rest;
  if (!Array.isArray(epsilons) || !Array.isArray(noise) || epsilons.length + noise.length === 0) {
    throw new ConfigError(`${op}: epsilons must be a list of numbers above 0, as in [0.05, 0.1]; got none.`);
  }
  for (const epsilon of epsilons) checkPositive(op, "epsilons", epsilon);
  for (const deviation of noise) checkPositive(op, "noise", deviation);
  if (attack !== "pgd" && attack !== "fgsm") {
    throw new ConfigError(`${op}: attack must be "pgd" or "fgsm"; got ${JSON.stringify(attack)}.`);
  }
  if (attack === "fgsm") {
    const extra = (["norm", "steps", "stepSize", "randomStart"] as const).find((name) => name in options);
    if (extra !== undefined) throw new ConfigError(`${op}: ${extra} is of "pgd"; the attack is "fgsm".`);
  }
  checkWhole(op, "seed", seed, 0);
  checkWhole(op, "batch", batch, 1);
  const [x, y] = [toTensor(data.x), toTensor(data.y)];
  await checkWithin(op, x, range);
  const right = async (inputs: Tensor): Promise<number> =>
    measure(accuracy(), await predict(model, inputs, { batch }), y);

  const attacks: { epsilon: number; accuracy: number }[] = [];
  for (const epsilon of epsilons) {
    const changed =
      attack === "pgd"
        ? await pgd(model, x, y, { ...rest, epsilon })
        : await fgsm(model, x, y, { epsilon, range, batch });
    attacks.push({ epsilon, accuracy: await right(changed) });
  }
  const noisy: { deviation: number; accuracy: number }[] = [];
  for (const [place, deviation] of noise.entries()) {
    const key = random.foldIn(random.key(seed), place);
    const changed = await byBatches(data.length, batch, async (from, to) => {
      const rows = x.slice([from, to]);
      const blurred = rows.add(random.normal(random.foldIn(key, from), rows.shape).mul(deviation));
      return range === null ? blurred : blurred.clip(range[0], range[1]);
    });
    noisy.push({ deviation, accuracy: await right(changed) });
  }
  return { rows: data.length, clean: await right(x), attacks, noise: noisy };
}
