/** Hyper-parameters: numbers that live in the optimizer's state by name, or schedules of the step. */
import { type Tensor, tensor } from "../engine/tensor/index.ts";
import { ConfigError, isPlainObject, type Tree } from "../util/index.ts";
import type { State } from "./optimizer.ts";
import { checkRange, type Range } from "./range.ts";
import type { Schedule } from "./schedules/index.ts";

/** A number can be changed between steps with `setHyperparameter`, without a recompile; a schedule follows the step. */
export type Hyper = number | Schedule;

/** The part of a link's state that holds its hyper-parameters. Trees of 0-d tensors. */
export type HyperState = {
  /** Numbers by name, and `1-name` for decay rates. */
  readonly hyper: Readonly<Record<string, Tensor>>;
  /** Only where there are schedules: the values last used, and the steps taken (i32). */
  readonly scheduled?: Readonly<Record<string, Tensor>>;
  readonly count?: Tensor;
};

/** The hyper-parameters of one step. */
export interface Values {
  readonly value: (name: string) => Tensor;
  /** 1 - value. A number's is rounded once from the exact difference: 1 - f32(0.999) would be off by 1e-5. */
  readonly complement: (name: string) => Tensor;
  readonly next: HyperState;
}

export interface HyperSet {
  readonly schedules: Readonly<Record<string, Schedule>>;
  init(device: string): HyperState;
  at(state: HyperState): Values;
}

let rateFactor: Tensor | null = null;

/**
 * Runs `update` with every link's learning rate, numbers and schedules alike, times `factor` (0-d): wherever a formula says
 * `learningRate`, in decoupled weight decay and in schedule-free means too. What `hyperparameters` shows stays without it. Within another
 * such call the factors multiply.
 * @example withLearningRateTimes(factor, () => optimizer.update(grads, state, params));
 */
export function withLearningRateTimes<T>(factor: Tensor, update: () => T): T {
  const before = rateFactor;
  rateFactor = before === null ? factor : before.mul(factor);
  try {
    return update();
  } finally {
    rateFactor = before;
  }
}

/** Entries of `hyper` that follow from others. */
const COMPLEMENT = "1-";

/**
 * Declares a link's hyper-parameters: `names` with a value and its range; those in `decays` also offer their complement.
 * Throws ConfigError for a number out of its range.
 */
export function hyperSet(
  op: string,
  names: Readonly<Record<string, readonly [value: Hyper, range: Range]>>,
  decays: readonly string[] = [],
): HyperSet {
  const numbers: (readonly [string, number])[] = [];
  const schedules: (readonly [string, Schedule])[] = [];
  for (const [name, [value, range]] of Object.entries(names)) {
    if (typeof value === "function") schedules.push([name, value]);
    else {
      checkRange(op, name, value, range);
      numbers.push([name, value]);
      if (decays.includes(name)) numbers.push([COMPLEMENT + name, 1 - value]);
    }
  }
  return {
    schedules: Object.fromEntries(schedules),
    init(device) {
      const zeroDim = (value: number) => tensor(value, { dtype: "f32", device });
      const hyper = Object.fromEntries(numbers.map(([name, value]) => [name, zeroDim(value)]));
      if (schedules.length === 0) return { hyper };
      const scheduled = Object.fromEntries(schedules.map(([name, at]) => [name, zeroDim(at(0))]));
      return { hyper, scheduled, count: tensor(0, { dtype: "i32", device }) };
    },
    at({ hyper, count }) {
      const scheduled: Record<string, Tensor> = {};
      for (const [name, at] of schedules) scheduled[name] = at(count as Tensor);
      const value = (name: string) => {
        const own = (hyper[name] ?? scheduled[name]) as Tensor;
        return name === "learningRate" && rateFactor !== null ? own.mul(rateFactor) : own;
      };
      return {
        value,
        complement: (name) => hyper[COMPLEMENT + name] ?? value(name).neg().add(1),
        next: count === undefined ? { hyper } : { hyper, scheduled, count: count.add(1) },
      };
    },
  };
}

/** Every link's hyper-parameters: [path of the link's state, its kind, name, tensor]. */
function collect(state: State): { at: string; kind: "hyper" | "scheduled"; name: string; value: Tensor }[] {
  const found: { at: string; kind: "hyper" | "scheduled"; name: string; value: Tensor }[] = [];
  const walk = (node: unknown, at: string): void => {
    const inside = (key: string | number) => (at === "" ? String(key) : `${at}/${key}`);
    if (Array.isArray(node)) {
      node.forEach((child, index) => {
        walk(child, inside(index));
      });
    } else if (isPlainObject(node)) {
      for (const [key, child] of Object.entries(node)) {
        if ((key === "hyper" || key === "scheduled") && isPlainObject(child)) {
          for (const [name, value] of Object.entries(child)) {
            if (!name.startsWith(COMPLEMENT)) found.push({ at, kind: key, name, value: value as Tensor });
          }
        } else walk(child, inside(key));
      }
    }
  };
  walk(state, "");
  return found;
}

/** The name a hyper-parameter is known by: its own, or with the link's place where several links have one of that name. */
function named(state: State) {
  const all = collect(state);
  return all.map((entry) => {
    const alone = all.filter((other) => other.name === entry.name).length === 1;
    return { ...entry, known: alone ? entry.name : `${entry.at}/${entry.name}` };
  });
}

/**
 * The hyper-parameters in an optimizer's state by name, as 0-d tensors; for a schedule, the value of the last step.
 * Where several links of a chain have one of a name, their places lead: `0/weightDecay`.
 * @example const rate = await hyperparameters(state).learningRate?.item();
 */
export function hyperparameters(state: State): Record<string, Tensor> {
  return Object.fromEntries(named(state).map(({ known, value }) => [known, value]));
}

/**
 * The state with one hyper-parameter changed; a compiled step takes it without a recompile.
 * @throws ConfigError for an unknown name, one that follows a schedule, or a value that is not finite.
 * @example state = setHyperparameter(state, "learningRate", 1e-4);
 */
export function setHyperparameter<S extends State>(state: S, name: string, value: number): S {
  const all = named(state);
  const entry = all.find(({ known }) => known === name);
  if (entry === undefined) {
    const names = all.map(({ known }) => known).join(", ") || "none";
    throw new ConfigError(`setHyperparameter: the optimizer must have "${name}"; it has ${names}.`);
  }
  if (entry.kind === "scheduled") {
    throw new ConfigError(
      `setHyperparameter: "${name}" follows a schedule and cannot be set. Give the optimizer a number instead.`,
    );
  }
  if (!Number.isFinite(value)) {
    throw new ConfigError(`setHyperparameter: "${name}" must be a finite number; got ${value}.`);
  }
  const { device } = entry.value;
  const replace = (node: unknown, at: string): unknown => {
    const inside = (key: string | number) => (at === "" ? String(key) : `${at}/${key}`);
    if (Array.isArray(node)) return node.map((child, index) => replace(child, inside(index)));
    if (!isPlainObject(node)) return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, child]) => {
        if (key !== "hyper" || at !== entry.at || !isPlainObject(child))
          return [key, replace(child, inside(key))];
        const hyper: Record<string, unknown> = { ...child };
        hyper[entry.name] = tensor(value, { dtype: "f32", device });
        const complement = COMPLEMENT + entry.name;
        if (complement in hyper) hyper[complement] = tensor(1 - value, { dtype: "f32", device });
        return [key, hyper];
      }),
    );
  };
  return replace(state, "") as Tree<Tensor> as S;
}
