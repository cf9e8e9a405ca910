/**
 * The doctor against sabotage: what it names first, and what it says of healthy runs. Run: npx tsx bench/doctor/run.ts [names] [--fix] [--words].
 * NABLA_DOCTOR_SEED=1 draws other data, and trains from other values, than those the rules were made with.
 */

import type { Finding } from "nabla/doctor";
import { compareRemedies, examine, fix, remedyWords } from "nabla/doctor";
import type { Experiment } from "nabla/train";
import { faults } from "./faults.ts";
import { healthyRuns } from "./healthy.ts";

const wanted = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const chosen = <C extends { readonly name: string }>(list: readonly C[]): readonly C[] =>
  wanted.length === 0 ? list : list.filter(({ name }) => wanted.includes(name));

let [right, repaired, harmful] = [0, 0, 0];

/** Fixes it and takes what was kept from seeds that nobody saw. */
async function repair(experiment: Experiment, findings: readonly Finding[], steps?: number): Promise<void> {
  const options = steps === undefined ? {} : { steps };
  const { kept, attempts } = await fix(experiment, findings, options);
  for (const { finding, remedies, comparison } of attempts) {
    const words = remedies.map(remedyWords).join(" and ");
    const side = (losses: readonly number[]) => losses.map((loss) => loss.toFixed(3)).join(" ");
    console.log(`         ${finding}: ${words}: ${side(comparison.before)} -> ${side(comparison.after)}`);
  }
  if (kept === null) return console.log("         nothing kept");
  const { helps, hurts } = await compareRemedies(experiment, kept.remedies, [101, 102, 103, 104], options);
  repaired += Number(helps);
  harmful += Number(hurts);
  console.log(
    `         kept; from other seeds it ${helps ? "helps" : hurts ? "HURTS" : "makes no clear difference"}`,
  );
}

for (const { name, expected, experiment, steps } of chosen(faults)) {
  const { findings } = await examine(experiment, steps === undefined ? {} : { steps });
  const [first] = findings;
  const ok = first !== undefined && expected.includes(first.id);
  right += Number(ok);
  console.log(
    `${ok ? "right" : "WRONG"}  ${name}: ${findings.map(({ id, severity }) => `${id} (${severity})`).join(", ")}`,
  );
  if (process.argv.includes("--fix")) await repair(experiment, findings, steps);
  if (process.argv.includes("--words")) for (const { text } of findings) console.log(`         ${text}`);
}
console.log(`${right} of ${chosen(faults).length} faults named first`);
if (process.argv.includes("--fix")) console.log(`${repaired} repaired, ${harmful} kept changes that hurt`);
let alarms = 0;
for (const { name, experiment } of chosen(healthyRuns)) {
  const { findings } = await examine(experiment);
  const severe = findings.filter(({ severity }) => severity === "severe");
  alarms += Number(severe.length > 0);
  console.log(
    `${severe.length === 0 ? "fine " : "ALARM"}  ${name}: ${findings.map(({ id, severity }) => `${id} (${severity})`).join(", ")}`,
  );
  if (process.argv.includes("--words")) for (const { text } of findings) console.log(`         ${text}`);
}
console.log(`${alarms} severe alarms in ${chosen(healthyRuns).length} healthy runs`);
