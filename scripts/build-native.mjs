/**
 * Builds the native addon into build/nabla.node with whatever C++17 compiler there is; run by `npm install`. Needs no Node headers but
 * those of node-api-headers and downloads nothing. Without a compiler the install goes on: one line says so, and build/native-status.json
 * tells the first use of the fallback why.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "native");
const build = join(root, "build");
const objects = join(build, `obj-${process.pid}`);
const addon = join(build, "nabla.node");
const statusFile = join(build, "native-status.json");
const logFile = join(build, "native-build.log");

const common = [
  "-O3",
  "-std=c++17",
  "-fPIC",
  "-fno-exceptions",
  "-fno-rtti",
  "-fvisibility=hidden",
  "-Wno-psabi",
];
// Kernels: the same roundings everywhere, and bytes are bytes.
const kernel = [
  "-ffp-contract=off",
  "-fno-math-errno",
  "-fno-strict-aliasing",
  "-fwrapv",
  "-fno-threadsafe-statics",
];

// Straight-line vector code that has little to gain: a third less time to compile. What is written in step must stay in step.
const catalogue = ["-O1", "-fno-tree-ter"];

// By feature, not by level: compilers older than GCC 11 know no -march=x86-64-v3.
const base = ["-march=x86-64"];
const avx2 = [...base, "-mavx2", "-mfma", "-mbmi", "-mbmi2", "-mpopcnt"];
const avx512 = [...avx2, "-mavx512f", "-mavx512bw", "-mavx512cd", "-mavx512dq", "-mavx512vl"];

/** Instruction sets: namespace, bytes of a vector, compiler flags. */
const sets = {
  x64: [
    ["kern_base", 16, base],
    ["kern_v3", 32, avx2],
    ["kern_v4", 64, avx512],
  ],
  arm64: [["kern_neon", 16, []]],
}[process.arch];

/** Reports why there is no addon, in one line, and ends the script without failing the install. */
function giveUp(cause, cure) {
  try {
    mkdirSync(build, { recursive: true });
    rmSync(addon, { force: true });
    writeFileSync(statusFile, JSON.stringify({ ok: false, cause, cure }));
  } catch {
    // Not even that can be written: then the first use says that the addon has not been built.
  }
  console.warn(`nabla: no native addon: ${cause} ${cure} The slow reference device will serve.`);
  process.exit(0);
}

function findCompiler() {
  const wanted = process.env.CXX ? [process.env.CXX] : [];
  for (const name of [...wanted, "c++", "g++", "clang++"]) {
    const [command, ...args] = name.split(/\s+/);
    const probe = spawnSync(command, [...args, "-std=c++17", "-x", "c++", "-E", "-"], {
      input: "#include <atomic>\n",
      encoding: "utf8",
    });
    if (probe.status === 0) return { command, args };
  }
  return null;
}

function headers() {
  const require = createRequire(import.meta.url);
  return require("node-api-headers").include_dir;
}

/** Compiled once for each instruction set. */
const perSet = ["kern.cpp", "tiles.cpp", "catalogue_kernels.cpp"];

function compileJobs(includeDir) {
  const jobs = [];
  for (const file of readdirSync(source).filter((name) => name.endsWith(".cpp") && !perSet.includes(name))) {
    jobs.push({ file, object: file.replace(/\.cpp$/, ".o"), flags: [...common, "-I", includeDir] });
  }
  for (const [space, bytes, machine] of sets) {
    for (const file of perSet) {
      const level = file === "catalogue_kernels.cpp" ? catalogue : [];
      const flags = [...common, ...kernel, ...level, ...machine, `-DKNS=${space}`, `-DVB=${bytes}`];
      jobs.unshift({ file, object: `${file.replace(/\.cpp$/, "")}-${space}.o`, flags });
    }
  }
  return jobs;
}

/** A hash of everything the result depends on. */
function fingerprint(compiler, jobs) {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([compiler, jobs, process.arch, process.platform]));
  hash.update(spawnSync(compiler.command, ["--version"], { encoding: "utf8" }).stdout ?? "");
  for (const folder of [source, join(source, "generated")]) {
    for (const file of readdirSync(folder).sort()) {
      if (/\.(h|cpp|inc)$/.test(file)) hash.update(file).update(readFileSync(join(folder, file)));
    }
  }
  return hash.digest("hex");
}

/** Runs a command; resolves to its exit code and appends what it said to `log`. */
function run(command, args, log) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: source });
    const text = [`$ ${command} ${args.join(" ")}\n`];
    child.stdout.on("data", (data) => text.push(data));
    child.stderr.on("data", (data) => text.push(data));
    child.on("error", (error) => text.push(`${error.message}\n`));
    child.on("close", (code) => {
      log.push(text.join(""));
      resolve(code ?? 1);
    });
  });
}

async function main() {
  if (sets === undefined || !["linux", "darwin"].includes(process.platform)) {
    giveUp(
      `there are no kernels for ${process.platform} on ${process.arch} yet.`,
      "Use Linux or macOS on x64 or arm64.",
    );
  }
  const compiler = findCompiler();
  if (compiler === null) {
    const asked = process.env.CXX ? `CXX=${process.env.CXX} does not work and ` : "";
    giveUp(
      `${asked}no C++17 compiler was found (c++, g++, clang++).`,
      "Install one (apt install g++, or xcode-select --install) and run npm rebuild nabla.",
    );
  }
  const jobs = compileJobs(headers());
  const print = fingerprint(compiler, jobs);
  if (existsSync(addon) && existsSync(statusFile)) {
    const status = JSON.parse(readFileSync(statusFile, "utf8"));
    if (status.ok && status.fingerprint === print) return;
  }
  mkdirSync(objects, { recursive: true });
  const log = [];
  const queue = [...jobs];
  let failed = false;
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined && !failed; job = queue.shift()) {
      const args = [...compiler.args, ...job.flags, "-c", job.file, "-o", join(objects, job.object)];
      if ((await run(compiler.command, args, log)) !== 0) failed = true;
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs.length, availableParallelism()) }, worker));
  if (!failed) {
    const shared = process.platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared"];
    const fresh = `${addon}.${process.pid}`;
    const args = [
      ...compiler.args,
      ...shared,
      ...jobs.map((job) => join(objects, job.object)),
      "-o",
      fresh,
      "-lpthread",
    ];
    failed = (await run(compiler.command, args, log)) !== 0;
    // A process may have the old one open: replace the name, not the bytes.
    if (!failed) renameSync(fresh, addon);
  }
  rmSync(objects, { recursive: true, force: true });
  writeFileSync(logFile, log.join("\n"));
  if (failed)
    giveUp(
      "compiling it failed (details in build/native-build.log).",
      "Set CXX to a working C++17 compiler and run npm rebuild nabla.",
    );
  writeFileSync(statusFile, JSON.stringify({ ok: true, fingerprint: print }));
}

try {
  await main();
} catch (error) {
  giveUp(
    `building it failed (${error instanceof Error ? error.message : error}).`,
    "Mend that and run npm rebuild nabla.",
  );
}
