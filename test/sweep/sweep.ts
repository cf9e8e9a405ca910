/** The sweep's cases by primitive, and all of a primitive's cases on one backend. */
import type { Backend } from "../../src/engine/ir/index.ts";
import type { Case } from "./case.ts";
import { casesOf, type Swept, sweptOps } from "./cases/index.ts";
import { gradientCases } from "./gradients.ts";
import { runCase, type Verdict } from "./run.ts";

export type Group = Swept | "gradients";

export const groups: readonly Group[] = [...sweptOps, "gradients"];

export const casesIn = (group: Group): Case[] => (group === "gradients" ? gradientCases() : casesOf[group]());

export async function sweep(backend: Backend, group: Group): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const test of casesIn(group)) verdicts.push(await runCase(backend, test));
  return verdicts;
}
