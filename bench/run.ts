/**
 * npm run bench -- [name...] [--repetitions 7] [--slice 1] [--only "nabla;PyTorch"] [--dry]
 * Measures the named benchmarks (all by default; a name that is none stands for those it begins) against the peers it finds and
 * publishes the tables; --dry only prints, and so does --only, since some contestants' table must not take the place of all.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compilerOf, formatCeilings, measureCeilings } from "./ceilings.ts";
import { hold } from "./harness.ts";
import type { Suite } from "./job.ts";
import { noise, watch } from "./quiet.ts";
import {
  describeCircumstances,
  formatTable,
  keep,
  makeReport,
  publishText,
  type Report,
  requireSections,
} from "./report.ts";

const usage = 'npm run bench -- [name...] [--repetitions 7] [--slice 1] [--only "nabla;PyTorch"] [--dry]';
const root = fileURLToPath(new URL("../", import.meta.url));
const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** What users run: the addon and dist/ as the sources are now. */
function build(): void {
  const [compiler, ...args] = compilerOf(readFileSync(`${root}build/native-build.log`, "utf8"));
  const env = { ...process.env, CXX: [compiler, ...args].join(" ") };
  execFileSync(process.execPath, ["scripts/build-native.mjs"], { cwd: root, env, stdio: "inherit" });
  execFileSync(process.execPath, ["scripts/build.mjs"], { cwd: root, stdio: "inherit" });
}

async function findSuites(): Promise<Suite[]> {
  const folder = new URL("benches/", import.meta.url);
  const files = readdirSync(folder).filter((file) => file.endsWith(".ts"));
  const modules = await Promise.all(
    files.sort().map(async (file) => (await import(new URL(file, folder).href)) as { suite: Suite }),
  );
  return modules.map(({ suite }) => suite);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    repetitions: { type: "string", default: "7" },
    slice: { type: "string", default: "1" },
    only: { type: "string" },
    dry: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const only = values.only?.split(";");
const printOnly = values.dry || only !== undefined;

const suites = (await findSuites()).map((suite) => ({ suite, benches: suite.benches() }));
const names = suites.flatMap(({ suite, benches }) =>
  suite.own === undefined ? benches.map(({ name }) => name) : [suite.name],
);
const known = new Set([...names, ...suites.map(({ suite }) => suite.name)]);

/** A name that is one means just that; else it stands for all that begin with it. */
const asked = (name: string): boolean =>
  positionals.some((wanted) => (known.has(wanted) ? name === wanted : name.startsWith(wanted)));

const chosen = suites.map(({ suite, benches }) => ({
  suite,
  complete: positionals.length === 0 || asked(suite.name),
  benches:
    positionals.length === 0 || asked(suite.name) ? benches : benches.filter(({ name }) => asked(name)),
}));
if (values.help) {
  process.stdout.write(`${usage}\n${names.join("\n")}\n`);
  process.exit(0);
}
if (chosen.every(({ suite, benches, complete }) => benches.length === 0 && !(suite.own && complete))) {
  log(`bench: there is ${names.join(", ")}; got ${positionals.join(", ")}.`);
  process.exit(2);
}

if (!printOnly) {
  requireSections(
    chosen.flatMap(({ suite, benches, complete }) => {
      if (suite.own === undefined && suite.summary === undefined) return benches.map(({ name }) => name);
      return complete ? [suite.name] : [];
    }),
  );
}
const quiet = await watch();
build();
const busy = noise(quiet);
if (busy !== undefined) log(`The machine is busy: ${busy}.`);
const ceilings = measureCeilings();
log(`${formatCeilings(ceilings)}.`);

for (const { suite, benches, complete } of chosen) {
  if (suite.own !== undefined) {
    if (!complete) continue;
    log(suite.name);
    const text = await suite.own({ log, keep: !printOnly, circumstances: describeCircumstances(quiet) });
    process.stdout.write(`${text}\n\n`);
    if (!printOnly) await publishText(suite.name, text);
    continue;
  }
  const reports: Report[] = [];
  for (const bench of benches) {
    log(bench.title);
    const outcome = await hold(bench, {
      peers: bench.contestants().filter(({ name }) => only === undefined || only.includes(name)),
      repetitions: Number(values.repetitions),
      slice: Number(values.slice),
      log,
    });
    const report = makeReport(bench, outcome, { quiet, ceilings });
    const table = [formatTable(report), ...(bench.section ? [bench.section(report)] : [])].join("\n\n");
    process.stdout.write(`${table}\n\n`);
    reports.push(report);
    if (printOnly) continue;
    await keep(report);
    if (suite.summary === undefined) await publishText(bench.name, table);
  }
  if (suite.summary === undefined || reports.length === 0) continue;
  const text = suite.summary(reports);
  process.stdout.write(`${text}\n\n`);
  // A summary of a part would take the place of the whole.
  if (!printOnly && complete) await publishText(suite.name, text);
}
