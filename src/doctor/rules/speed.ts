/** Rules about where the time goes: waiting for data, arithmetic, memory, or steps too small for the machine. */
import { type Profile, rooflineOf } from "../../train/index.ts";
import type { Evidence } from "../evidence.ts";
import { type Finding, type FindingId, short } from "../finding.ts";

/** What these rules find is a matter of clocks: equal runs may differ in it. */
export const speedFindings: readonly FindingId[] = [
  "waits-for-data",
  "small-steps",
  "compute-bound",
  "memory-bound",
];

export const speedRules = (evidence: Evidence): Finding[] => [...waiting(evidence), ...bounds(evidence)];

/** Of the time of steps. */
const MUCH_WAITING = 0.25;

function waiting({ speed }: Evidence): Finding[] {
  if (speed === null || !(speed.waiting > MUCH_WAITING)) return [];
  return [
    {
      id: "waits-for-data",
      severity: "warning",
      text: `Steps wait for data ${percent(speed.waiting)} % of the time.`,
      evidence: { waiting: speed.waiting, rowsPerSecond: speed.rowsPerSecond },
      remedies: [
        { kind: "advice", text: "give the loader more workers, as in workers: 2" },
        { kind: "advice", text: "prepare rows once: keep them in memory, or images in a cache" },
      ],
    },
  ];
}

/** What of the threads' time kernels must take for steps to be large enough. */
const BUSY = 0.5;
/** What of the kernels' time one bound must have to be the step's. */
const MOST = 0.6;

/** What steps are bound by, of a run that was profiled. Findings of this kind are no faults: they say what would make it faster. */
function bounds({ profile }: Evidence): Finding[] {
  if (profile === null) return [];
  const { kernels, threads, secondsPerStep, arenaBytes } = profile;
  const all = kernels.reduce((sum, { seconds }) => sum + seconds, 0);
  const busy = all / (threads * secondsPerStep);
  const compute = sideOf(profile, "compute");
  const memory = sideOf(profile, "memory");
  const numbers = {
    busyShare: busy,
    computeShare: compute.seconds / all,
    memoryShare: memory.seconds / all,
    arenaBytes,
  };
  const step = `of a step of ${short(secondsPerStep * 1e6)} us`;
  if (busy < BUSY) {
    const text = `Kernels keep the ${threads === 1 ? "thread" : `${threads} threads`} busy for ${percent(busy)} % ${step}: it is too small to share out.`;
    return [
      {
        id: "small-steps",
        severity: "info",
        text,
        evidence: numbers,
        remedies: [
          { kind: "advice", text: "larger batches, with the learning rate to match" },
          { kind: "advice", text: "one thread a run, and several runs at once" },
        ],
      },
    ];
  }
  if (compute.seconds > MOST * all) {
    return [
      {
        id: "compute-bound",
        severity: "info",
        text: `Arithmetic bounds ${percent(compute.seconds / all)} % ${step}, at ${percent(compute.share)} % of the machine's peak.`,
        evidence: { ...numbers, ofPeak: compute.share },
        remedies: [
          { kind: "advice", text: 'products in bf16, where the processor has them: matmulPrecision: "bf16"' },
          {
            kind: "advice",
            text: "a smaller model: fewer units, depthwise convolutions, pruning, distillation",
          },
        ],
      },
    ];
  }
  if (memory.seconds <= MOST * all) return [];
  return [
    {
      id: "memory-bound",
      severity: "info",
      text: `Moving numbers bounds ${percent(memory.seconds / all)} % ${step}, at ${percent(memory.share)} % of memory's rate.`,
      evidence: { ...numbers, ofPeak: memory.share },
      remedies: [
        { kind: "advice", text: "larger batches: weights are then read once for more rows" },
        { kind: "advice", text: "smaller batches with accumulation, where activations outgrow the cache" },
        { kind: "advice", text: 'activations in bf16: precision: "bf16"; or recomputed: checkpoint(fn)' },
      ],
    },
  ];
}

const percent = (share: number): string => String(Math.round(100 * share));

/** The seconds of the kernels on one side of the roofline, and how near the roof they are together. */
function sideOf(
  { kernels, peaks, threads }: Profile,
  side: "compute" | "memory",
): { seconds: number; share: number } {
  const own = kernels.flatMap((kernel) => {
    const line = rooflineOf(kernel, peaks, threads);
    return line?.bound === side ? [{ seconds: kernel.seconds, least: kernel.seconds * line.share }] : [];
  });
  const seconds = own.reduce((sum, one) => sum + one.seconds, 0);
  return {
    seconds,
    share: own.reduce((sum, one) => sum + one.least, 0) / Math.max(seconds, Number.MIN_VALUE),
  };
}
