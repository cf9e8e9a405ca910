/**
 * npm run bench -- [name...] [--repetitions 7] [--slice 1] [--only "nabla;PyTorch"] [--dry]
 * Measures the named benchmarks (all by default; a name also stands for those it begins) against the peers it finds and publishes the
 * tables; --dry only prints.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compilerOf, formatCeilings, measureCeilings } from "./ceilings.ts";
import { hold } from "./harness.ts";
import type { Bench, Suite } from "./job.ts";
import { noise, watch } from "./quiet.ts";
import { formatTable, keep, makeReport, publishText, type Report } from "./report.ts";

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
  execFileSync("npx", ["tsc", "-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });
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

/** The benchmarks of a suite that were asked for: by its name, their own, or what these begin with. */
function chosenOf(suite: Suite): Bench[] {
  const wanted = (name: string): boolean => positionals.some((prefix) => name.startsWith(prefix));
  const benches = suite.benches();
  return positionals.length === 0 || wanted(suite.name)
    ? benches
    : benches.filter(({ name }) => wanted(name));
}

const suites = await findSuites();
const chosen = suites.map((suite) => ({ suite, benches: chosenOf(suite) }));
const names = suites.flatMap((suite) => suite.benches().map(({ name }) => name));
if (values.help) {
  process.stdout.write(`${usage}\n${names.join("\n")}\n`);
  process.exit(0);
}
if (chosen.every(({ benches }) => benches.length === 0)) {
  log(`bench: there is ${names.join(", ")}; got ${positionals.join(", ")}.`);
  process.exit(2);
}

const quiet = await watch();
build();
const busy = noise(quiet);
if (busy !== undefined) log(`The machine is busy: ${busy}.`);
const ceilings = measureCeilings();
log(`${formatCeilings(ceilings)}.`);
const only = values.only?.split(";");

for (const { suite, benches } of chosen) {
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
    if (values.dry) continue;
    keep(report);
    if (suite.summary === undefined) publishText(bench.name, table);
  }
  if (suite.summary === undefined || reports.length === 0) continue;
  const text = suite.summary(reports);
  process.stdout.write(`${text}\n\n`);
  // A summary of a part would take the place of the whole.
  if (!values.dry && reports.length === suite.benches().length) publishText(suite.name, text);
}
