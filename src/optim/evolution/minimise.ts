/** minimise: the plain loop around ask and tell. */
import { ConfigError, rejectUnknown } from "../../util/index.ts";
import { checkWhole } from "../range.ts";
import type { Evolution, EvolutionState, Found } from "./evolution.ts";

/** What is minimised: the loss of one candidate, or of all of a generation at once. It may be async. It must not write to them. */
export type Objective = (x: Float64Array) => number | Promise<number>;
export type BatchObjective = (
  candidates: readonly Float64Array[],
) => ArrayLike<number> | Promise<ArrayLike<number>>;

export interface MinimiseOptions<S extends EvolutionState> {
  /** Where to begin. */
  readonly start?: ArrayLike<number>;
  /** A state to go on from instead, such as that of an earlier result: the same bits as if it had never stopped. */
  readonly state?: S;
  /** At most so many generations more. Default 100. */
  readonly generations?: number;
  /** Stop after the generation in which the best loss reached this. Default: none. */
  readonly target?: number;
  /** Stop when aborted. The generation under way is dropped: the state is that before it. */
  readonly signal?: AbortSignal;
  /** Called, and awaited, after each generation: to print, or to save `state`. */
  readonly onGeneration?: (report: GenerationReport<S>) => void | Promise<void>;
}

export interface GenerationReport<S extends EvolutionState> {
  /** From 1. */
  readonly generation: number;
  /** The losses of its candidates. */
  readonly losses: ArrayLike<number>;
  readonly best: Found;
  readonly state: S;
}

export interface Minimum<S extends EvolutionState> extends Found {
  readonly state: S;
  /** How many losses were computed in this call. */
  readonly evaluations: number;
  readonly reason: "target" | "generations" | "aborted";
}

/**
 * Asks, evaluates and tells until the target, the number of generations or the signal; then the best candidate ever evaluated. Candidates
 * are evaluated one after another; with `batch: true`, `f` gets all of a generation and may evaluate them side by side.
 * What `f` throws goes to the caller.
 * @throws ConfigError unless exactly one of `start` and `state` is given; for generations that are no whole number; see `Evolution`.
 * @example
 * const params = model.parameters();
 * const loss = jit((p: Tensors) => apply(model, p, () => crossEntropy(model.forward(x), y)));
 * const { x: found } = await minimise(
 *   (v) => loss(vectorToParameters(v, params)).item(),
 *   cmaES({ diagonal: true }),
 *   { start: await parametersToVector(params), generations: 300, target: 0.01 },
 * );
 */
export async function minimise<S extends EvolutionState>(
  f: BatchObjective,
  evolution: Evolution<S>,
  options: MinimiseOptions<S> & { readonly batch: true },
): Promise<Minimum<S>>;
export async function minimise<S extends EvolutionState>(
  f: Objective,
  evolution: Evolution<S>,
  options: MinimiseOptions<S> & { readonly batch?: false },
): Promise<Minimum<S>>;
export async function minimise<S extends EvolutionState>(
  f: Objective | BatchObjective,
  evolution: Evolution<S>,
  options: MinimiseOptions<S> & { readonly batch?: boolean },
): Promise<Minimum<S>> {
  const {
    start,
    generations = 100,
    target = Number.NEGATIVE_INFINITY,
    signal,
    onGeneration,
    batch,
  } = options;
  rejectUnknown("minimise", options, [
    "start",
    "state",
    "generations",
    "target",
    "signal",
    "onGeneration",
    "batch",
  ]);
  checkWhole("minimise", "generations", generations, 0);
  if ((start === undefined) === (options.state === undefined)) {
    throw new ConfigError("minimise: there must be a start or a state to go on from; got neither or both.");
  }
  let state = options.state ?? evolution.init(start as ArrayLike<number>);
  let evaluations = 0;

  async function evaluate(candidates: readonly Float64Array[]): Promise<ArrayLike<number> | null> {
    if (batch) {
      const losses = await (f as BatchObjective)(candidates);
      evaluations += candidates.length;
      return losses;
    }
    const losses: number[] = [];
    for (const x of candidates) {
      if (signal?.aborted) return null;
      losses.push(await (f as Objective)(x));
      evaluations++;
    }
    return losses;
  }

  const result = (reason: Minimum<S>["reason"]) => ({ ...evolution.best(state), state, evaluations, reason });
  if (state.best.loss <= target) return result("target");
  for (let done = 0; done < generations; done++) {
    if (signal?.aborted) return result("aborted");
    const asked = evolution.ask(state);
    const losses = await evaluate(asked.candidates);
    if (losses === null || signal?.aborted) return result("aborted");
    state = evolution.tell(asked.state, losses);
    const best = evolution.best(state);
    await onGeneration?.({ generation: state.generation, losses, best, state });
    if (best.loss <= target) return result("target");
  }
  return result("generations");
}
