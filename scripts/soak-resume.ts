/**
 * npm run soak:resume -- [--runs 200] [--seed 0]
 * Kills training runs at random moments and resumes them; fails when one ends in other bytes than an uninterrupted run, or when a
 * checkpoint could not be read.
 */
import { parseArgs } from "node:util";
import { killAndResume } from "../test/soak/resume.ts";

const { values: options } = parseArgs({
  options: { runs: { type: "string", default: "200" }, seed: { type: "string", default: "0" } },
});
const tally = await killAndResume(Number(options.runs), Number(options.seed), (line) => console.log(line));
console.log(JSON.stringify(tally, null, 2));
process.exitCode = tally.different === 0 && tally.complaints.length === 0 && tally.kills > 0 ? 0 : 1;
