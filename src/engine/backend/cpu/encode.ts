/** Writes a plan as the Int32Array that native/program.cpp reads. Nothing here needs to be trusted: the addon checks every word. */
import type { Place, Plan, PlanBuffer } from "../../ir/index.ts";
import { dtypeNumber, isWritable } from "./buffers.ts";
import { type EncodedProgram, FusedEncoder } from "./encode-fused.ts";
import { encodeSteps } from "./encode-steps.ts";
import { Words } from "./words.ts";

const MAGIC = 0x4e41424c;
const VERSION = 1;
const places = { input: 0, output: 1, arena: 2, const: 3, scalar: 4, slice: 5 } as const satisfies Record<
  Place["in"],
  number
>;

export interface Encoded {
  readonly program: Int32Array;
  readonly constants: Uint8Array;
}

const roundUp = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/** Constants one after the other, each at a multiple of 64 bytes. */
function layConstants(plan: Plan): { constants: Uint8Array; offsets: Map<number, number> } {
  const offsets = new Map<number, number>();
  let total = 0;
  plan.buffers.forEach(({ place, bytes }, index) => {
    if (place.in !== "const") return;
    offsets.set(index, total);
    total += roundUp(Math.max(bytes, place.data.byteLength));
  });
  const constants = new Uint8Array(total);
  plan.buffers.forEach(({ place }, index) => {
    if (place.in === "const") constants.set(place.data, offsets.get(index));
  });
  return { constants, offsets };
}

function encodeBuffer(plan: Plan, buffer: PlanBuffer, constant: number, words: Words): void {
  const { place, aval, bytes } = buffer;
  const index = place.in === "slice" ? place.parent : "index" in place ? place.index : 0;
  words.push(places[place.in], index, place.in === "slice" ? place.depth : 0);
  words.wide(place.in === "arena" ? place.offset : place.in === "slice" ? place.stride : constant);
  words.push(dtypeNumber(aval.dtype));
  words.wide(bytes);
  words.push(isWritable(plan, buffer) ? 1 : 0);
}

export function encode(plan: Plan): Encoded {
  const { constants, offsets } = layConstants(plan);
  const fused = new FusedEncoder(plan);
  const steps = new Words();
  encodeSteps(plan, plan.steps, 0, fused, steps);

  const words = new Words();
  words.push(MAGIC, VERSION, 0);
  words.wide(plan.arenaBytes);
  words.push(plan.inputs.length, plan.outputs.length, plan.scalars.length, plan.buffers.length);
  plan.buffers.forEach((buffer, index) => {
    encodeBuffer(plan, buffer, offsets.get(index) ?? 0, words);
  });
  fused.writePrograms(words);
  words.append(steps);
  words.patch(2, words.length);
  return { program: words.finish(), constants };
}

/** The tile programs of a plan's steps and epilogues. */
export function programsOf(plan: Plan): readonly EncodedProgram[] {
  const fused = new FusedEncoder(plan);
  encodeSteps(plan, plan.steps, 0, fused, new Words());
  return fused.programs;
}
