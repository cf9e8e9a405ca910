/** Which links cannot follow which, and what combinators cannot hold: only what is certainly wrong is refused. */
import { ConfigError } from "../util/index.ts";
import type { Optimizer } from "./optimizer.ts";
import { nameOf, type Stage } from "./traits.ts";

const turned = "the second would turn the steps of the first uphill. Keep one, or use switchAt or partition";
const early = "it would get steps, with the learning rate in them, for gradients";
const held = "later links would lead the parameters away from what it holds them to";

/** By the stage of an earlier link and of a later one: why not. `early` and `held` are put right by an exchange. */
const refused: Partial<Record<Stage, Partial<Record<Stage, string>>>> = {
  step: { step: turned, gradient: early, direction: early, decay: early },
  parameters: { gradient: held, direction: held, momentum: held, decay: held, step: held },
};

/** The links of a chain with those of chains in it, in order. */
const flat = (links: readonly Optimizer[]): readonly Optimizer[] =>
  links.flatMap((link) => (link.traits?.name === "chain" ? flat(link.traits.parts ?? []) : [link]));

/** Throws ConfigError for what is no link, for two that conflict and for two decays of all parameters. */
export function checkOrder(links: readonly Optimizer[]): void {
  for (const [index, link] of links.entries()) {
    if (typeof link?.init === "function" && typeof link.update === "function") continue;
    throw new ConfigError(
      `chain: links must have init and update, as adam(1e-3) has; got ${link === null ? "null" : typeof link} at ${index}.`,
    );
  }
  const all = flat(links);
  for (const [at, later] of all.entries()) {
    for (const earlier of all.slice(0, at)) {
      const [first, second] = [earlier.traits?.stage, later.traits?.stage];
      const why = first && second && refused[first]?.[second];
      if (!why) continue;
      const [a, b] = [nameOf(earlier), nameOf(later)];
      if (why === turned)
        throw new ConfigError(`chain: there must be one learning rate; got those of ${a} and ${b}: ${why}.`);
      const which = why === held ? `${a} must come after ${b}` : `${b} must come before ${a}`;
      throw new ConfigError(`chain: ${which}; got them the other way round: ${why}. Exchange them.`);
    }
  }
  const decays = all.filter((link) => decaysAll(link));
  if (decays.length > 1) {
    throw new ConfigError(
      `chain: the parameters must decay once; got the decays of ${decays.map(nameOf).join(" and ")}. Leave one out (weightDecay: 0), or give each a mask.`,
    );
  }
}

/** Whether it shrinks all parameters; those of parts are of some each. */
function decaysAll({ traits }: Optimizer): boolean {
  if (traits?.decays) return true;
  return (
    traits?.name !== "partition" && traits?.name !== "perParameter" && (traits?.parts ?? []).some(decaysAll)
  );
}

/** What the links of a chain come to together. */
export function stageOfChain(links: readonly Optimizer[]): Stage | undefined {
  const stages = flat(links).map(({ traits }) => traits?.stage);
  if (stages.includes("step")) return "step";
  return stages.includes(undefined) ? undefined : stages.at(-1);
}

/** Throws ConfigError for an optimizer known to have no learning rate: what is around it adds its updates to parameters. */
export function checkSteps(op: string, optimizer: Optimizer): void {
  const stage = optimizer.traits?.stage;
  if (stage === undefined || stage === "step") return;
  throw new ConfigError(
    `${op}: the optimizer must take steps downhill; got ${nameOf(optimizer)} without a learning rate. End it with scaleByLearningRate(0.01), or use a whole optimizer such as adam(1e-3).`,
  );
}

/** The stage of optimizers of which one acts at a time. Throws ConfigError where some have a learning rate and some have none. */
export function commonStage(op: string, optimizers: readonly Optimizer[]): Stage | undefined {
  const known = optimizers.filter(({ traits }) => traits?.stage !== undefined);
  const steps = known.find(({ traits }) => traits?.stage === "step");
  const other = known.find(({ traits }) => traits?.stage !== "step");
  if (steps && other) {
    throw new ConfigError(
      `${op}: all must have a learning rate or none; got ${nameOf(steps)} with one and ${nameOf(other)} without. End it with scaleByLearningRate(0.01).`,
    );
  }
  return known.length === optimizers.length ? known[0]?.traits?.stage : undefined;
}
