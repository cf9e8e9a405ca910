/** The loop of a contestant in JavaScript: see ../peer.ts for the protocol. */
import { createInterface } from "node:readline";

/** The job it was started with. */
export const job = () => JSON.parse(process.argv.at(-1));

/** `check(steps)` gives the numbers to agree on; `run(units, limit)` gives seconds, {seconds, units} or {value}. Both may be async. */
export async function serve({ versions = {}, check, run }) {
  const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
  answer({ versions });
  for await (const line of createInterface({ input: process.stdin })) {
    const { command, steps, units, limit } = JSON.parse(line);
    if (command === "check") answer({ numbers: await check(steps) });
    else {
      const done = await run(units, limit);
      answer(typeof done === "number" ? { seconds: done } : done);
    }
  }
}
