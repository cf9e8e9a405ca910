/** What the user may choose of the cpu device: threads and instruction set. */
import { availableParallelism, totalmem } from "node:os";
import { ConfigError } from "../../../util/index.ts";

export interface CpuOptions {
  /** Threads that compute, the caller's included, exactly. Default: NABLA_THREADS, but at most what the machine offers this process. */
  readonly threads?: number | undefined;
  /** "avx512", "avx2", "sse2" or "neon". Default: NABLA_ISA, else the best there is. */
  readonly isa?: string | undefined;
  /** Whether kernels compiled ahead of time may run; the bits are the same without. Default: unless NABLA_CATALOGUE is "off". */
  readonly catalogue?: boolean | undefined;
}

const MOST_THREADS = 1024;

/** How many threads to use. Throws ConfigError. */
export function chooseThreads(option: number | undefined): number {
  const fromEnvironment = process.env.NABLA_THREADS;
  if (option === undefined && (fromEnvironment === undefined || fromEnvironment === ""))
    return availableParallelism();
  const name = option === undefined ? "NABLA_THREADS" : "threads";
  const threads = option ?? Number(fromEnvironment);
  if (!Number.isInteger(threads) || threads < 1 || threads > MOST_THREADS) {
    throw new ConfigError(
      `${name}: must be a whole number from 1 to ${MOST_THREADS}; got ${option ?? fromEnvironment}. This machine offers ${availableParallelism()}.`,
    );
  }
  return option ?? Math.min(threads, availableParallelism());
}

/** The place of the instruction set to use in `available`, which is best first. Throws ConfigError naming what there is. */
export function chooseIsa(option: string | undefined, available: readonly string[]): number {
  const wanted = option ?? process.env.NABLA_ISA;
  if (wanted === undefined || wanted === "") return 0;
  const place = available.indexOf(wanted);
  if (place < 0) {
    const name = option === undefined ? "NABLA_ISA" : "isa";
    throw new ConfigError(
      `${name}: must be one of ${available.join(", ")} on this machine; got "${wanted}".`,
    );
  }
  return place;
}

/** Whether programs may be bound to kernels of the catalogue. Throws ConfigError. */
export function chooseCatalogue(option: boolean | undefined): boolean {
  if (option !== undefined) return option;
  const wanted = process.env.NABLA_CATALOGUE;
  if (wanted !== undefined && !["", "on", "off"].includes(wanted))
    throw new ConfigError(`NABLA_CATALOGUE: must be "on" or "off"; got "${wanted}".`);
  return wanted !== "off";
}

/** Bytes this process may use at most. */
export function memoryOfProcess(): number {
  const constrained = process.constrainedMemory();
  const machine = totalmem();
  return constrained !== undefined && constrained > 0 ? Math.min(machine, constrained) : machine;
}
