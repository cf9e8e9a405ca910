/** Is the machine ours? What other processes take of it, from Linux' /proc; elsewhere only the load average tells. */
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { setTimeout } from "node:timers/promises";

/** Clock ticks since the start of the machine, of all its processors together. */
export interface Usage {
  readonly total: number;
  readonly busy: number;
  /** Of this process and everything it started. */
  readonly own: number;
}

/** The first line of /proc/stat: user nice system idle iowait irq softirq steal. What a hypervisor takes counts as busy. */
export function parseStat(text: string): Omit<Usage, "own"> {
  const ticks = (text.split("\n")[0] ?? "").trim().split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, value) => sum + value, 0);
  return { total, busy: total - (ticks[3] ?? 0) - (ticks[4] ?? 0) };
}

export interface ProcessTicks {
  readonly pid: number;
  readonly parent: number;
  /** Its own and those of its children that have ended. */
  readonly ticks: number;
}

/** /proc/<pid>/stat; the name in parentheses may hold spaces and parentheses. */
export function parseProcess(text: string): ProcessTicks {
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + (fields[field] ?? 0), 0);
  return { pid: Number.parseInt(text, 10), parent: fields[1] ?? 0, ticks };
}

/** Ticks of `root` and all its descendants. */
export function treeTicks(processes: readonly ProcessTicks[], root: number): number {
  let sum = 0;
  for (const { pid, ticks } of processes) if (pid === root) sum += ticks;
  for (const { pid, parent } of processes) {
    if (parent === root && pid !== root) sum += treeTicks(processes, pid);
  }
  return sum;
}

/** The ticks so far; undefined where there is no /proc. */
export function readUsage(): Usage | undefined {
  let stat: string;
  try {
    stat = readFileSync("/proc/stat", "utf8");
  } catch {
    return undefined;
  }
  const processes: ProcessTicks[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      processes.push(parseProcess(readFileSync(`/proc/${entry}/stat`, "utf8")));
    } catch {
      // It ended meanwhile.
    }
  }
  return { ...parseStat(stat), own: treeTicks(processes, process.pid) };
}

/** The share (0 to 1) of the machine that others took between two readings: none where it cannot be known. */
export function othersShare(before: Usage | undefined, after: Usage | undefined): number[] {
  if (before === undefined || after === undefined || after.total <= before.total) return [];
  const others = after.busy - before.busy - (after.own - before.own);
  return [Math.min(1, Math.max(0, others / (after.total - before.total)))];
}

export interface Quiet {
  /** One-minute load average before anything of ours ran. */
  readonly load: number;
  readonly cores: number;
  /** The share of the machine that others took: before, then in each repetition. Empty where there is no /proc. */
  readonly others: readonly number[];
}

/** Watches for a second, with nothing of ours running. */
export async function watch(): Promise<Quiet> {
  const load = loadavg()[0] ?? 0;
  const before = readUsage();
  await setTimeout(1000);
  return { load, cores: availableParallelism(), others: othersShare(before, readUsage()) };
}

const quietShare = 0.05;
const quietLoad = 0.5;

/** Why the figures are not to be trusted, or undefined on a quiet machine. */
export function noise({ load, cores, others }: Quiet): string | undefined {
  // The load counts what we ran a minute ago too, so it only speaks where the shares are not known.
  if (others.length === 0) return load > quietLoad ? `load ${load.toFixed(1)} before the start` : undefined;
  const noisy = others.filter((share) => share > quietShare);
  if (noisy.length === 0) return undefined;
  const worst = Math.round(100 * Math.max(...noisy));
  return `others took up to ${worst} % of its ${cores} cores, in ${noisy.length} of ${others.length} readings; load ${load.toFixed(1)} before`;
}
