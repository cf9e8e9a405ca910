/** Constraints: after a step the parameters are set to the nearest that fulfil one. */
import { maximum, minimum, type Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, optionNames, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, type Optimizer, type TensorTree } from "../optimizer.ts";
import { everything, type Mask, mapTaken, picker, type Which } from "./which.ts";

export interface ConstraintOptions {
  /** Which parameters are held. Default those of two axes and more. */
  readonly mask?: Which;
}

const constraintOptions = optionNames<ConstraintOptions>({ mask: true });

const matrices: Mask = (_, parameter) => parameter.ndim > 1;

/** u' = project(p + u) - p for what the mask takes. */
const project = <P extends TensorTree>(
  op: string,
  takes: Mask,
  updates: P,
  params: P,
  to: (p: Tensor) => Tensor,
): P => mapTaken(op, takes, (u, p) => to(p.add(u)).sub(p), updates, params);

/** Euclidean, over all axes but the last: one for each unit. */
function unitNorms(p: Tensor): Tensor {
  const axes = [...Array(Math.max(1, p.ndim - 1)).keys()];
  return p.square().sum(axes, { keepDims: true }).sqrt();
}

/**
 * The weights into each unit (all axes but the last) are scaled down to a norm of at most `limit` after each step: p' = p min(1, limit / |p|).
 * The last link of a chain. No state per parameter.
 * Srebro and Shraibman 2005; with dropout Srivastava et al., "Dropout", 2014. Keras: `MaxNorm`.
 * @throws ConfigError unless limit is above 0.
 * @example chain(sgd(0.1), maxNorm(3));
 */
export function maxNorm(limit: Hyper, options: ConstraintOptions = {}): Optimizer<HyperState> {
  rejectUnknown("maxNorm", options, constraintOptions);
  const { takes, check } = picker("maxNorm", options.mask ?? matrices);
  const hyper = hyperSet("maxNorm", { limit: [limit, { above: 0 }] });
  return {
    traits: { name: "maxNorm", stage: "parameters", schedules: hyper.schedules },
    init(params) {
      check(params);
      return hyper.init(deviceOfTree("maxNorm", params));
    },
    update<P extends TensorTree>(updates: P, state: HyperState, params: P): [P, HyperState] {
      const now = hyper.at(state);
      const most = now.value("limit");
      const held = project("maxNorm", takes, updates, params, (p) =>
        p.mul(most.div(maximum(unitNorms(p), most))),
      );
      return [held, now.next];
    },
  };
}

/** The weights into each unit have norm 1 after each step: p' = p / |p|. The last link of a chain. No state. Keras: `UnitNorm`. */
export const unitNorm = (options: ConstraintOptions = {}): Optimizer<readonly []> =>
  stateless("unitNorm", options, matrices, (p) => p.div(maximum(unitNorms(p), 1e-12)));

/** No parameter is negative after a step: p' = max(p, 0). The last link of a chain. No state. Keras: `NonNeg`. */
export const nonNegative = (options: ConstraintOptions = {}): Optimizer<readonly []> =>
  stateless("nonNegative", options, everything, (p) => maximum(p, 0));

/**
 * Every parameter stays in [low, high]: p' = min(max(p, low), high). The last link of a chain. No state.
 * @throws ConfigError unless low < high.
 */
export function clampParameters(
  low: number,
  high: number,
  options: ConstraintOptions = {},
): Optimizer<readonly []> {
  if (!(low < high))
    throw new ConfigError(`clampParameters: low must be below high; got ${low} and ${high}.`);
  return stateless(
    "clampParameters",
    options,
    () => true,
    (p) => minimum(maximum(p, low), high),
  );
}

function stateless(
  op: string,
  options: ConstraintOptions,
  usual: Mask,
  to: (p: Tensor) => Tensor,
): Optimizer<readonly []> {
  rejectUnknown(op, options, constraintOptions);
  const { takes, check } = picker(op, options.mask ?? usual);
  return {
    traits: { name: op, stage: "parameters" },
    init(params) {
      check(params);
      return [];
    },
    update: (updates, state, params) => [project(op, takes, updates, params, to), state],
  };
}
