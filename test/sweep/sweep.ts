/** The whole sweep on one backend: what failed of each primitive, and a digest of every result. */
import type { Backend } from "../../src/engine/ir/index.ts";
import { casesOf, type Swept, sweptOps } from "./cases/index.ts";
import { runCase } from "./run.ts";
import { gradientCases } from "./smooth.ts";

export type Group = Swept | "gradients";

export const groups: readonly Group[] = [...sweptOps, "gradients"];

export interface Report {
  readonly device: string;
  /** Lines on failures, by group. */
  readonly failures: Readonly<Record<string, readonly string[]>>;
  /** By case. */
  readonly digests: Readonly<Record<string, string>>;
}

const casesIn = (group: Group) => (group === "gradients" ? gradientCases() : casesOf[group]());

export async function sweep(backend: Backend): Promise<Report> {
  const failures: Record<string, string[]> = {};
  const digests: Record<string, string> = {};
  for (const group of groups) {
    const lines: string[] = [];
    for (const test of casesIn(group)) {
      const { name, problem, digest } = await runCase(backend, test);
      if (name in digests) throw new Error(`two cases are called ${name}`);
      digests[name] = digest;
      if (problem !== null) lines.push(`${name}: ${problem}`);
    }
    failures[group] = lines;
  }
  return { device: backend.describe(), failures, digests };
}
