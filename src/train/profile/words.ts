/** A profile in words: tables for a terminal. */
import { formatBytes } from "../../engine/runtime/index.ts";
import { formatSeconds } from "../format.ts";
import { type Cost, elsewhere, type Profile, rooflineOf } from "./profile.ts";

const mostParts = 24;
const mostKernels = 8;

/** Rows of a table of a profile, the head first; all cells are text. */
export type Rows = readonly (readonly string[])[];

export const percent = (share: number): string => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}%`;

const micros = (seconds: number): string => {
  const value = seconds * 1e6;
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toFixed(1);
};

const roof = (cost: Cost, { peaks, threads }: Profile): string => {
  const line = rooflineOf(cost, peaks, threads);
  return line === null ? "-" : `${percent(line.share)} of ${line.bound}`;
};

/** Seconds of all threads of a step. */
const total = ({ parts }: Profile): number =>
  parts.reduce((sum, { forward, backward }) => sum + forward.seconds + backward.seconds, 0);

/** Layers and the other parts of a step, in the order of its work. */
export function partRows(profile: Profile): Rows {
  const all = total(profile);
  const both = (part: Profile["parts"][number]) => part.forward.seconds + part.backward.seconds;
  const least = [...profile.parts].sort((a, b) => both(b) - both(a))[mostParts - 1];
  const shown = profile.parts.filter((part) => least === undefined || both(part) >= both(least));
  const rest = profile.parts.filter((part) => !shown.includes(part));
  const rows = shown.map((part) => [
    part.path === elsewhere ? "moving and packing" : part.path,
    micros(part.forward.seconds),
    micros(part.backward.seconds),
    percent(both(part) / all),
    roof(part.forward, profile),
    roof(part.backward, profile),
  ]);
  const others = rest.reduce((sum, part) => sum + both(part), 0);
  const last = rest.length === 0 ? [] : [[`${rest.length} more`, "", "", percent(others / all), "", ""]];
  return [
    ["part of a step", "forward us", "backward us", "share", "forward, of its roof", "backward, of its roof"],
    ...rows,
    ...last,
  ];
}

/** The kernels that take longest. */
export function kernelRows(profile: Profile): Rows {
  const all = total(profile);
  return [
    ["kernel", "us", "share", "of its roof", "for"],
    ...profile.kernels
      .slice(0, mostKernels)
      .map((kernel) => [
        shortened(kernel.step, 56),
        micros(kernel.seconds),
        percent(kernel.seconds / all),
        roof(kernel, profile),
        shortened(kernel.parts.join(" "), 24),
      ]),
  ];
}

const shortened = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 1)}…`;

/** What the run's time went into. */
export function phaseRows({ phases }: Profile): Rows {
  const all = phases.reduce((sum, { seconds }) => sum + seconds, 0);
  return [
    ["phase of the run", "time", "share"],
    ...phases
      .filter(({ seconds }) => seconds >= all / 1000)
      .map(({ name, seconds }) => [
        name,
        seconds < 10 ? `${seconds.toPrecision(2)} s` : formatSeconds(seconds),
        percent(seconds / all),
      ]),
  ];
}

/** What all of it is about, in a line or two. */
export function profileLines(profile: Profile): string[] {
  const { steps, secondsPerStep, arenaBytes, peaks, threads, device } = profile;
  const busy = total(profile) / (secondsPerStep * threads);
  return [
    `${device}: a training step takes ${micros(secondsPerStep)} us (${steps} timed); its kernels keep ${percent(busy)} of ${threads === 1 ? "the thread" : `${threads} threads`} busy; scratch memory ${formatBytes(arenaBytes)}.`,
    `The roof: ${(peaks.flopsPerSecond / 1e9).toFixed(0)} GFLOP/s of products, ${(peaks.bytesPerSecond / 1e9).toFixed(1)} GB/s of memory. Above 100% of memory, caches held what was read.`,
  ];
}
