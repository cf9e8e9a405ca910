/**
 * npm run bench -- [name...] [--repetitions 7] [--slice 1] [--only "nabla;PyTorch"] [--dry]
 * Measures the named benchmarks (all by default) against the peers it finds and publishes the tables; --dry only prints.
 */
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { binaryMlp } from "./benches/binary-mlp.ts";
import { mnistMlp } from "./benches/mnist-mlp.ts";
import { contestants } from "./contestants.ts";
import { hold } from "./harness.ts";
import { formatTable, makeReport, publish } from "./report.ts";

const benches = [...binaryMlp(), ...mnistMlp()];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    repetitions: { type: "string", default: "7" },
    slice: { type: "string", default: "1" },
    only: { type: "string" },
    dry: { type: "boolean", default: false },
  },
});

const chosen = benches.filter(
  ({ name }) => positionals.length === 0 || positionals.some((prefix) => name.startsWith(prefix)),
);
if (chosen.length === 0) {
  process.stderr.write(
    `bench: there is ${benches.map(({ name }) => name).join(", ")}; got ${positionals}.\n`,
  );
  process.exit(2);
}
const only = values.only?.split(";");
const peers = contestants().filter(({ name }) => only === undefined || only.includes(name));
const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

for (const bench of chosen) {
  log(bench.title);
  const before = loadavg()[0] ?? 0;
  const outcome = await hold(bench, {
    peers,
    repetitions: Number(values.repetitions),
    slice: Number(values.slice),
    log,
  });
  const report = makeReport(bench, outcome, before);
  process.stdout.write(`${formatTable(report)}\n\n`);
  if (!values.dry) publish(report);
}
