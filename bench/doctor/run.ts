/** The doctor against sabotage: what it names first, and what it says of healthy runs. Run: npx tsx bench/doctor/run.ts [names] [--fix]. */
import { examine } from "nabla/doctor";
import { faults } from "./faults.ts";
import { healthyRuns } from "./healthy.ts";

const wanted = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const chosen = <C extends { readonly name: string }>(list: readonly C[]): readonly C[] =>
  wanted.length === 0 ? list : list.filter(({ name }) => wanted.includes(name));

let right = 0;
for (const { name, expected, experiment, steps } of chosen(faults)) {
  const { findings } = await examine(experiment, steps === undefined ? {} : { steps });
  const [first] = findings;
  const ok = first !== undefined && expected.includes(first.id);
  right += Number(ok);
  console.log(
    `${ok ? "right" : "WRONG"}  ${name}: ${findings.map(({ id, severity }) => `${id} (${severity})`).join(", ")}`,
  );
  if (process.argv.includes("--words")) for (const { text } of findings) console.log(`         ${text}`);
}
console.log(`${right} of ${chosen(faults).length} faults named first`);
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
