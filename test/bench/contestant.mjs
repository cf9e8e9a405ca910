/** A contestant for harness.test.ts: what it answers is in its job and its arguments. */
import { job, serve } from "../../bench/peers/serve.mjs";

const { first } = job();
const [mode] = process.argv.slice(2);
if (mode === "missing") throw new Error("no such library");
await serve({
  versions: { [mode]: "1.0" },
  check: (steps) => Array.from({ length: steps }, (_, i) => (mode === "wrong" ? first + i + 1 : first + i)),
  run: (units, limit) => {
    if (mode === "value") return { value: 7 };
    if (mode === "partial") return { seconds: limit, units: units / 2 };
    return units / 100;
  },
});
