/** What a benchmark is: the work that every contestant is told to do, who takes part, and how the number reads. */
import type { BandwidthCeiling } from "./ceilings.ts";
import type { PeerSpec } from "./peer.ts";
import type { Report } from "./report.ts";

/** A stretch of a file: `header` bytes to skip, then the elements, raw and little-endian. */
export interface ArrayFile {
  readonly path: string;
  readonly header: number;
}

/** The least that one of what `unit` counts (a sample, a step, a call, a GFLOP) must take from the machine. */
export interface Floor {
  readonly flops?: number;
  readonly bytes?: number;
  /** Where the bytes come from. Default: memory, at the faster of the two triads. */
  readonly from?: BandwidthCeiling;
  /** What is counted, in a few words for the table. */
  readonly note: string;
}

export interface Bench {
  readonly name: string;
  readonly title: string;
  /**
   * What the number is: a rate ("samples/s", "GFLOP/s"), or with `lowerIsBetter` a time of one ("µs", "ms" or "s") or a plain number
   * ("MB").
   */
  readonly unit: string;
  /** How many of what is counted one `run` unit is: 1 step, the samples of an epoch. */
  readonly perUnit: number;
  /** Handed to every contestant as JSON, with `threads` added. */
  readonly job: object;
  readonly contestants: () => PeerSpec[];
  /** How far the checked numbers may differ from the first contestant's, relatively. Default 1e-4. */
  readonly tolerance?: number;
  readonly floor?: Floor;
  readonly lowerIsBetter?: boolean;
  /** One measurement, in `unit`, of a contestant started afresh for it; then the protocol of peer.ts is not used. */
  readonly measure?: (spec: PeerSpec, job: object) => Promise<number>;
  /** Markdown to stand under the table. */
  readonly section?: (report: Report) => string;
}

/** What a suite that measures by itself is given. */
export interface OwnMeasurement {
  readonly log: (line: string) => void;
  /** Whether results are written beside those of the others. */
  readonly keep: boolean;
  /** When, where and how quietly, for under a table. */
  readonly circumstances: string;
}

/** A file in benches/ exports its benchmarks as `suite`. */
export interface Suite {
  readonly name: string;
  readonly benches: () => Bench[];
  /** One text for all of the suite's reports, published at the suite's markers in place of a table for each benchmark. */
  readonly summary?: (reports: readonly Report[]) => string;
  /** Measures what is no contest of the same work, once; gives the text to publish at the suite's markers. */
  readonly own?: (measurement: OwnMeasurement) => string | Promise<string>;
}
