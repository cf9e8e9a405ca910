/**
 * Builds the native test program under sanitizers and runs it: every kernel of every instruction set this machine has with the address
 * and undefined-behaviour sanitizers, the catalogue with the best of them alone, since it is printed once for all and takes g++ minutes;
 * with the thread sanitizer those of one, since what threads share is the same for all; where clang++ is found too, the first again with
 * it.
 * Usage: node scripts/test-native.mjs [--full] [--plain] [--bench]. --full sweeps more numbers, --plain uses no sanitizer, --bench times.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "native");
const options = new Set(process.argv.slice(2));

/** Instruction sets, the best last: namespace, bytes of a vector, -march, the bit in NABLA_SETS, what Linux calls a flag of it. */
const allSets = {
  x64: [
    ["kern_base", 16, "x86-64", 1, "sse2"],
    ["kern_v3", 32, "x86-64-v3", 2, "avx2"],
    ["kern_v4", 64, "x86-64-v4", 4, "avx512dq"],
  ],
  arm64: [["kern_neon", 16, null, 0, null]],
}[process.arch];

/** Those this machine can run; all where it does not say. */
function ownSets() {
  const cpu = "/proc/cpuinfo";
  if (process.arch !== "x64" || !existsSync(cpu)) return allSets;
  const flags = new Set(
    readFileSync(cpu, "utf8")
      .match(/^flags\s*:(.*)$/m)?.[1]
      .split(" "),
  );
  return allSets.filter(([, , , , flag]) => flags.has(flag));
}

const sanitizers = {
  address: ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"],
  thread: ["-O1", "-fsanitize=thread"],
  none: ["-O2"],
};
// gcc's own vector headers set off its warnings about uninitialised values.
const warnings = [
  "-Wall",
  "-Wextra",
  "-Werror",
  "-Wno-psabi",
  "-Wno-deprecated-declarations",
  "-Wno-uninitialized",
];
const common = ["-std=c++17", "-g1", "-pthread", ...warnings];
const kernel = [
  "-ffp-contract=off",
  "-fno-math-errno",
  "-fno-strict-aliasing",
  "-fwrapv",
  "-fno-threadsafe-statics",
];
/** Compiled once per instruction set; what takes longest comes first. */
const perSet = ["catalogue_kernels.cpp", "kern.cpp", "tiles.cpp", "test/probe.cpp"];
/**
 * g++ allots registers to long instrumented functions for minutes, unless it takes each as one region, checks accesses by calls, and leaves
 * to the address sanitizer what it sees anyhow.
 */
const gccCatalogue = [
  "-fira-region=one",
  "--param",
  "asan-instrumentation-with-call-threshold=50",
  "-fno-sanitize=null,alignment,object-size,pointer-overflow",
];
/** exec without Node; test/guarded-memory.cpp takes the place of memory.cpp. */
const once = [
  "catalogue.cpp",
  "cores.cpp",
  "decode_attention.cpp",
  "decode_lines.cpp",
  "decode_loops.cpp",
  "decode_products.cpp",
  "decode_steps.cpp",
  "decode_tiles.cpp",
  "exec.cpp",
  "isas.cpp",
  "pool.cpp",
  "program.cpp",
  "by_rows.cpp",
  "schedule.cpp",
  "touch.cpp",
];

const works = (command) => spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;

function compilers() {
  if (process.env.CXX) return [process.env.CXX];
  const clang = ["clang++", "clang++-19", "clang++-18", "clang++-16", "clang++-14"].find(works);
  return ["g++", clang].filter((name) => name !== undefined && works(name));
}

function run(command, args, quiet) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: source, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => {
        text += data;
        if (!quiet) process.stdout.write(data);
      });
    }
    child.on("error", (error) => resolve({ code: 1, text: error.message }));
    child.on("close", (code) => resolve({ code: code ?? 1, text }));
  });
}

/** Path of the program, or null after saying what failed. */
async function compile(compiler, sanitizer) {
  const folder = join(root, "build", "test-native", `${compiler}-${sanitizer}`);
  mkdirSync(folder, { recursive: true });
  const jobs = [];
  const own = ownSets();
  const v3 = own.filter(([space]) => space === "kern_v3");
  const built = sanitizer === "thread" && v3.length > 0 ? v3 : own;
  const bits = built.reduce((sum, [, , , bit]) => sum + bit, 0);
  const extra = [...sanitizers[sanitizer], `-DNABLA_SETS=${bits}`];
  for (const file of perSet) {
    const allotting = file === "catalogue_kernels.cpp" && !compiler.includes("clang") ? gccCatalogue : [];
    for (const [space, bytes, march] of built) {
      const printed = sanitizer === "none" || space === built.at(-1)[0];
      if (file === "catalogue_kernels.cpp" && !printed) continue;
      const machine = [`-DKNS=${space}`, `-DVB=${bytes}`, ...(march === null ? [] : [`-march=${march}`])];
      const without = printed ? [] : ["-DNABLA_WITHOUT_CATALOGUE"];
      jobs.push({
        file,
        flags: [...kernel, ...machine, ...allotting, ...without],
        object: `${space}-${file.replace(/\W/g, "-")}.o`,
      });
    }
  }
  const tests = readdirSync(join(source, "test")).filter(
    (name) => name.endsWith(".cpp") && name !== "probe.cpp",
  );
  for (const file of [...once, ...tests.map((name) => `test/${name}`)]) {
    jobs.push({ file, flags: [], object: `${file.replace(/\W/g, "-")}.o` });
  }
  const queue = [...jobs];
  let failed = null;
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined && failed === null; job = queue.shift()) {
      const result = await run(
        compiler,
        [...common, ...extra, ...job.flags, "-c", job.file, "-o", join(folder, job.object)],
        true,
      );
      if (result.code !== 0) failed = result.text;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  const program = join(folder, "native-test");
  if (failed === null) {
    const result = await run(
      compiler,
      [...common, ...extra, ...jobs.map((job) => join(folder, job.object)), "-o", program],
      true,
    );
    if (result.code !== 0) failed = result.text;
  }
  if (failed !== null) console.error(failed);
  return failed === null ? program : null;
}

/** Older thread sanitizers cannot place their shadow where addresses are fully randomised: then the same run without randomisation. */
async function execute(program, args) {
  const result = await run(program, args, false);
  if (result.code === 0 || !/unexpected memory mapping/.test(result.text) || !works("setarch"))
    return result.code;
  console.log("again, with addresses not randomised");
  return (await run("setarch", ["-R", program, ...args], false)).code;
}

async function main() {
  const found = compilers();
  if (allSets === undefined || found.length === 0) {
    console.error(
      `test-native: needs g++ or clang++ on x64 or arm64; this is ${process.arch} with ${found.join(", ") || "no compiler"}.`,
    );
    return 1;
  }
  const programs = join(root, "build", "test-native", "programs.bin");
  mkdirSync(dirname(programs), { recursive: true });
  const writer = ["--import", "tsx", join(root, "test", "native", "programs.ts"), programs];
  if ((await run(process.execPath, writer, false)).code !== 0) return 1;
  const args = ["--programs", programs];
  if (!options.has("--full")) args.push("--quick");
  if (options.has("--bench")) args.push("--bench");
  const kinds = options.has("--plain") || options.has("--bench") ? ["none"] : ["address", "thread"];
  let failures = 0;
  for (const [i, compiler] of found.entries()) {
    for (const kind of i === 0 ? kinds : kinds.slice(0, 1)) {
      console.log(`== ${compiler}, ${kind === "none" ? "no sanitizer" : `${kind} sanitizer`}`);
      const program = await compile(compiler, kind);
      if (program === null || (await execute(program, args)) !== 0) failures++;
    }
  }
  console.log(failures === 0 ? "native tests passed" : `${failures} native test builds or runs failed`);
  return failures === 0 ? 0 : 1;
}

process.exitCode = await main();
