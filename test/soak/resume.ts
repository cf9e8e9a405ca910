/** Runs that are killed at random moments and resumed until they are done, held against one that was not. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { philox } from "../../src/util/index.ts";

const program = fileURLToPath(new URL("resume-child.mjs", import.meta.url));

export interface Tally {
  readonly runs: number;
  readonly kills: number;
  /** Kills that left a file half written, or a state that no manifest names yet. */
  readonly withinSave: number;
  /** Runs whose last checkpoint differs from the uninterrupted one's. */
  readonly different: number;
  /** What children said on stderr: a checkpoint that was passed over, an error. */
  readonly complaints: readonly string[];
}

/** Numbers in [0, 1) from a seed. */
function uniform(seed: number): () => number {
  let count = 0;
  return () => (philox(seed, 0, [count++, 0, 0, 0])[0] as number) / 2 ** 32;
}

/** Runs a child to its end, or kills it so many milliseconds after it has begun. */
async function child(folder: string, killAfter: number | null): Promise<{ killed: boolean; said: string }> {
  const process_ = spawn(process.execPath, [program, folder], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  process_.stderr.on("data", (text) => {
    said += text;
  });
  const closed = once(process_, "close");
  if (killAfter !== null) {
    await Promise.race([once(process_.stdout, "data"), closed]);
    await Promise.race([setTimeout(killAfter), closed]);
    process_.kill("SIGKILL");
  } else process_.stdout.resume();
  const [code, signal] = await closed;
  if (code !== 0 && signal !== "SIGKILL") said += `ended with ${code ?? signal}`;
  return { killed: signal === "SIGKILL", said };
}

/** The checkpoint in force, as bytes. */
function final(folder: string): string {
  const manifest = readFileSync(join(folder, "manifest.json"), "utf8");
  return manifest + readFileSync(join(folder, JSON.parse(manifest).file)).toString("base64");
}

/** Whether a save was under way: something is there that no finished save leaves. */
function unfinished(folder: string): boolean {
  if (!existsSync(folder)) return false;
  const names = readdirSync(folder);
  const manifests = names.filter((name) => name.endsWith(".json"));
  const named = new Set(manifests.map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")).file));
  return names.some((name) => name.endsWith(".tmp") || (name.endsWith(".safetensors") && !named.has(name)));
}

/** `runs` runs, each killed so often that it is done after some three kills. */
export async function killAndResume(
  runs: number,
  seed: number,
  log: (line: string) => void = () => undefined,
): Promise<Tally> {
  const dir = mkdtempSync(join(tmpdir(), "nabla-soak-"));
  const random = uniform(seed);
  const tally = { runs, kills: 0, withinSave: 0, different: 0, complaints: [] as string[] };
  try {
    const began = performance.now();
    const whole = join(dir, "whole");
    const { said } = await child(whole, null);
    if (said !== "") throw new Error(`the uninterrupted run: ${said}`);
    // Of a process's time about half is its start, before anything can be killed.
    const length = (performance.now() - began) / 2;
    const wanted = final(whole);
    for (let run = 0; run < runs; run++) {
      const folder = join(dir, `run-${run}`);
      for (let attempt = 0; ; attempt++) {
        // After many kills it is let go to its end.
        const end = await child(folder, attempt < 6 ? random() * length : null);
        if (end.said !== "") tally.complaints.push(`run ${run}: ${end.said}`);
        if (!end.killed) break;
        tally.kills++;
        if (unfinished(folder)) tally.withinSave++;
      }
      if (final(folder) !== wanted) tally.different++;
      rmSync(folder, { recursive: true, force: true });
      log(`${run + 1} of ${runs} runs, ${tally.kills} kills, ${tally.withinSave} within a save`);
    }
    return tally;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
