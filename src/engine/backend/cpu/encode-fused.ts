/** Encodes fused bodies and their segments: one tile program for all segments that run alike. */
import { sizeOf } from "../../../util/index.ts";
import {
  ACCUMULATOR,
  type Access,
  bytesPerElement,
  type DType,
  type FusedBody,
  type Plan,
  type Segment,
} from "../../ir/index.ts";
import { encodeElements } from "../../ops/index.ts";
import { dtypeNumber, mayOverlap } from "./buffers.ts";
import { modes, type Operand, type Schedule, schedule, scheduleEpilogue } from "./schedule.ts";
import { INNER, type Level, OUTER, select } from "./select.ts";
import type { StoreSpec } from "./tile-list.ts";
import { type TileCode, TileWriter } from "./tiles.ts";
import type { Words } from "./words.ts";

/** Rows longer than this would leave the cache between two passes. */
const MOST_KEPT_LENGTH = 32768;

export interface EncodedProgram {
  readonly body: FusedBody;
  readonly mode: keyof typeof modes;
  readonly code: TileCode;
}

export class FusedEncoder {
  readonly #plan: Plan;
  readonly #programs: EncodedProgram[] = [];
  readonly #known = new Map<FusedBody, Map<string, number>>();

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  get programs(): readonly EncodedProgram[] {
    return this.#programs;
  }

  /** A fused step: groups of segments that share a program. */
  step(body: FusedBody, segments: readonly Segment[], words: Words): void {
    const groups = new Map<number, Schedule[]>();
    for (const segment of segments) {
      const scheduled = schedule(body, segment);
      if (scheduled === null) continue;
      const program = this.#program(body, segment, scheduled);
      const group = groups.get(program);
      if (group === undefined) groups.set(program, [scheduled]);
      else group.push(scheduled);
    }
    words.push(groups.size);
    for (const [program, scheduled] of groups) {
      words.push(program, scheduled.length);
      for (const one of scheduled) this.#segment(body, one, words);
    }
  }

  epilogue(body: FusedBody, segment: Segment, words: Words): void {
    const scheduled = scheduleEpilogue(segment);
    words.push(this.#program(body, segment, scheduled));
    this.#segment(body, scheduled, words);
  }

  writePrograms(words: Words): void {
    words.push(this.#programs.length);
    for (const { body, mode, code } of this.#programs) {
      words.push(modes[mode]);
      words.push(body.loads.length, ...body.loads.map(dtypeNumber));
      words.push(body.indices);
      words.push(body.stores.length, ...body.stores.map(({ dtype }) => dtypeNumber(dtype)));
      words.push(code.registers, code.instrs.length);
      for (const instr of code.instrs) words.push(...instr);
      words.push(code.uniformEnd);
      if (mode === "map" || mode === "rows") continue;
      words.push(code.stages.length);
      for (const ends of code.stages) words.push(...ends);
    }
  }

  /** The number of the program for a body on a segment scheduled so. */
  #program(body: FusedBody, segment: Segment, scheduled: Schedule): number {
    const { mode, loads, indices } = scheduled;
    const still = ({ strides, guard, buffer }: Operand) =>
      buffer !== ACCUMULATOR && guard === null && strides.every((stride) => stride === 0);
    const uniform = { asMap: mode === "map", loads: loads.map(still), indices: indices.map(still) };
    const specs = body.stores.map(({ value, dtype }, store): StoreSpec => {
      const level: Level = mode === "map" || body.instrs[value]?.level === "inner" ? INNER : OUTER;
      return { level, wide: bytesPerElement[dtype] === 4, aliases: this.#aliases(segment, store) };
    });
    const keepsRows =
      mode === "long" &&
      !scheduled.split &&
      sizeOf(scheduled.sizes.slice(scheduled.outer)) <= MOST_KEPT_LENGTH;
    const key = JSON.stringify([mode, uniform, specs, keepsRows]);
    const known = this.#known.get(body) ?? new Map<string, number>();
    this.#known.set(body, known);
    let program = known.get(key);
    if (program === undefined) {
      program = this.#programs.length;
      known.set(key, program);
      this.#programs.push({
        body,
        mode,
        code: new TileWriter(mode, select(body, uniform), specs, keepsRows).write(),
      });
    }
    return program;
  }

  /** Loads that may read memory this store writes. */
  #aliases({ loads, stores }: Segment, store: number): number[] {
    const to = (stores[store] as Access).buffer;
    return loads.flatMap(({ buffer }, load) =>
      buffer !== ACCUMULATOR && mayOverlap(this.#plan, buffer, to) ? [load] : [],
    );
  }

  #segment(
    body: FusedBody,
    { sizes, outer, block, split, loads, indices, stores }: Schedule,
    words: Words,
  ): void {
    words.push(sizes.length, outer);
    words.wide(...sizes);
    words.push(block, split ? 1 : 0);
    loads.forEach(({ buffer, offset, strides, guard }, load) => {
      words.push(buffer);
      words.wide(offset, ...strides);
      words.push(guard === null ? 0 : 1);
      if (guard === null) return;
      guard.lo.forEach((lo, axis) => {
        words.wide(lo, guard.hi[axis] as number);
      });
      words.push(storedBits(guard.fill, body.loads[load] as DType));
    });
    for (const { offset, strides } of indices) words.wide(offset, ...strides);
    for (const { buffer, offset, strides } of stores) {
      words.push(buffer);
      words.wide(offset, ...strides);
    }
  }
}

/** An element's bits in memory, as an i32. */
export function storedBits(value: number, dtype: DType): number {
  const bytes = new Uint8Array(4);
  encodeElements([value], dtype, bytes.subarray(0, bytesPerElement[dtype]));
  return new DataView(bytes.buffer).getInt32(0, true);
}
