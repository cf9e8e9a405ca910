/** profiler: a callback that times a stretch of training, kernel by kernel, and tells where the run's time goes. */

import { join } from "node:path";
import { writeFileAtomic } from "../../files/index.ts";
import { warn } from "../../util/index.ts";
import type { Callback, Run } from "../events.ts";
import { rejectUnknown, wholeNumber } from "../options.ts";
import { measurePeaks } from "./peaks.ts";
import { kernelsOf, type Profile, partsOf } from "./profile.ts";
import { profileFile } from "./profile-file.ts";

export interface ProfilerOptions {
  /** Steps before it begins, so that what is compiled or filled at first is none of it; default 20. */
  readonly after?: number;
  /** Steps it times, at least; default 200. Where the run is shorter, as many as there are. */
  readonly steps?: number;
  /** Told at the end of the run, unless no step was timed. */
  readonly onProfile?: (profile: Profile) => void;
  /** Where profile.json goes; a function for a folder that is known only when the run starts. Default: nowhere. */
  readonly folder?: string | (() => string);
  /** Told of what could not be written; default: a process warning. */
  readonly onFailure?: (error: unknown) => void;
}

/**
 * Times phases of the whole run (training, waiting for data, evaluation, each callback), and of some steps what each layer and each
 * kernel takes, forward and backward, with where it lies under the machine's roofline, which is measured at the end. Training comes to
 * the same bits; a timed step takes some 50 ns a kernel longer. What serves two layers in one kernel is shared out by their work in it.
 *
 * @throws ConfigError for unknown options; `fit` throws UnsupportedError on a device that has no clock, as the reference
 * @example
 * const show = (profile: Profile) => console.table(partRows(profile));
 * new Trainer({ ..., callbacks: [profiler({ onProfile: show })] });
 */
export function profiler(options: ProfilerOptions = {}): Callback {
  rejectUnknown("profiler", options, ["after", "steps", "onProfile", "folder", "onFailure"]);
  const after = wholeNumber("profiler", "after", options.after ?? 20, 0);
  const wanted = wholeNumber("profiler", "steps", options.steps ?? 200, 1);
  const { folder, onProfile, onFailure = warn } = options;
  let timed: Pick<
    Profile,
    "steps" | "secondsPerStep" | "arenaBytes" | "parts" | "kernels" | "threads"
  > | null = null;
  let state: "before" | "timing" | "done" = "before";
  let [device, began, first] = ["cpu", 0, 0];
  const phases = { training: 0, "waiting for data": 0, evaluation: 0 };

  /** What was timed so far, if there is something. */
  const take = (run: Run): void => {
    const timings = run.timings().filter(({ runs }) => runs > 0);
    run.time(false);
    state = "done";
    const sum = (of: (timing: (typeof timings)[number]) => number) =>
      timings.reduce((total, timing) => total + of(timing), 0);
    const steps = sum(({ runs }) => runs);
    if (steps === 0) return;
    timed = {
      steps,
      secondsPerStep: sum(({ seconds }) => seconds) / steps,
      arenaBytes: Math.max(...timings.map(({ arenaBytes }) => arenaBytes)),
      threads: timings[0]?.threads ?? 1,
      parts: partsOf(timings),
      kernels: kernelsOf(timings),
    };
  };

  return {
    name: "profiler",
    start({ plan, position }, run) {
      [state, timed] = ["before", null];
      [device, began, first] = [plan.device, performance.now(), position.step];
      Object.assign(phases, { training: 0, "waiting for data": 0, evaluation: 0 });
      if (after === 0) {
        run.time(true);
        state = "timing";
      }
    },
    stepEnd({ position, seconds, waiting }, run) {
      phases.training += seconds - waiting;
      phases["waiting for data"] += waiting;
      if (state === "before" && position.step - first >= after) {
        run.time(true);
        state = "timing";
      } else if (state === "timing" && run.timings().reduce((sum, { runs }) => sum + runs, 0) >= wanted)
        take(run);
    },
    evaluate({ seconds }) {
      phases.evaluation += seconds;
    },
    async stop(_, run) {
      if (state === "timing") take(run);
      if (timed === null) return;
      const all = (performance.now() - began) / 1000;
      const callbacks = Object.entries(run.spent()).filter(([name]) => name !== "profiler");
      const named = [
        ...Object.entries(phases),
        ...callbacks.map(
          ([name, s]) => [name.startsWith("callback ") ? name : `callback ${name}`, s] as const,
        ),
      ];
      const known = named.reduce((sum, [, seconds]) => sum + seconds, 0);
      const profile: Profile = {
        device,
        ...timed,
        phases: [...named, ["compiling and the rest", Math.max(0, all - known)] as const]
          .map(([name, seconds]) => ({ name, seconds }))
          .filter(({ seconds }) => seconds > 0)
          .sort((a, b) => b.seconds - a.seconds),
        peaks: await measurePeaks(device.split(" ")[0] ?? "cpu"),
      };
      onProfile?.(profile);
      if (folder === undefined) return;
      const path = join(typeof folder === "string" ? folder : folder(), profileFile);
      await writeFileAtomic(path, `${JSON.stringify(profile)}\n`).catch(onFailure);
    },
    error(_, run) {
      if (state === "timing") run.time(false);
    },
  };
}
