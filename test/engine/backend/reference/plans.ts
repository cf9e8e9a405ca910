import { referenceBackend } from "../../../../src/engine/backend/reference/index.ts";
import {
  type Access,
  type Aval,
  type Backend,
  type BufferId,
  bytesOf,
  type DType,
  type FusedBody,
  type FusedInstr,
  type Place,
  type Plan,
  type PlanBuffer,
  type ScalarOp,
  type Segment,
  type Step,
} from "../../../../src/engine/ir/index.ts";
import { decodeElements, encodeElements } from "../../../../src/engine/ops/index.ts";

export const aval = (dtype: DType, ...shape: number[]): Aval => ({ dtype, shape });
export const f32 = (...shape: number[]) => aval("f32", ...shape);
export const buffer = (place: Place, of: Aval): PlanBuffer => ({ place, aval: of, bytes: bytesOf(of) });
export const input = (index: number, of: Aval) => buffer({ in: "input", index }, of);
export const output = (index: number, of: Aval) => buffer({ in: "output", index }, of);

/** A plan whose inputs and outputs are those of its buffers. */
export function planOf(
  buffers: readonly PlanBuffer[],
  steps: readonly Step[],
  donors: readonly (number | null)[] = [],
): Plan {
  const placed = (kind: Place["in"]) => buffers.filter(({ place }) => place.in === kind);
  const inputs = placed("input").map((b) => b.aval);
  const ends = buffers.flatMap(({ place, bytes }) => (place.in === "arena" ? [place.offset + bytes] : []));
  return {
    buffers,
    steps,
    inputs,
    donated: inputs.map((_, i) => donors.includes(i)),
    scalars: placed("scalar").map((b) => b.aval),
    outputs: placed("output").map((b, i) => ({
      buffer: buffers.indexOf(b),
      aval: b.aval,
      donor: donors[i] ?? null,
    })),
    arenaBytes: Math.max(0, ...ends),
  };
}

export function put(backend: Backend, values: readonly number[], dtype: DType): BufferId {
  const bytes = encodeElements(values, dtype);
  const id = backend.alloc(bytes.byteLength);
  backend.write(id, bytes);
  return id;
}
export const get = async (backend: Backend, id: BufferId, of: Aval) => [
  ...decodeElements(await backend.read(id, 0, bytesOf(of)), of.dtype),
];

/** Runs a plan once on given inputs. */
export async function run(
  plan: Plan,
  inputs: readonly (readonly number[])[],
  scalars: readonly number[] = [],
) {
  const backend = referenceBackend();
  const ins = plan.inputs.map(({ dtype }, i) => put(backend, inputs[i] as number[], dtype));
  const outs = plan.outputs.map(({ aval: of, donor }) =>
    donor === null ? backend.alloc(bytesOf(of)) : (ins[donor] as number),
  );
  backend.run(backend.compile(plan), ins, outs, scalars);
  return Promise.all(plan.outputs.map(({ aval: of }, i) => get(backend, outs[i] as number, of)));
}

export const load = (
  n: number,
  dtype: "f32" | "i32" | "u32" | "bool" = "f32",
  level: "inner" | "outer" = "inner",
): FusedInstr => ({ op: "load", load: n, dtype, level });
export const scalar = (
  fn: ScalarOp,
  args: number[],
  dtype: "f32" | "i32" | "u32" | "bool" = "f32",
  level: "inner" | "outer" = "inner",
): FusedInstr => ({ op: "scalar", fn, args, dtype, level });
export const body = (
  instrs: FusedInstr[],
  loads: DType[],
  stores: [number, DType][],
  indices = 0,
): FusedBody => ({
  instrs,
  loads,
  stores: stores.map(([value, dtype]) => ({ value, dtype })),
  indices,
});
export const access = (index: number, strides: number[], offset = 0): Access => ({
  buffer: index,
  offset,
  strides,
});
export const fused = (of: FusedBody, ...segments: Partial<Segment>[]): Step => ({
  kind: "fused",
  body: of,
  segments: segments.map((segment) => ({
    shape: [],
    inner: 0,
    loads: [],
    indices: [],
    stores: [],
    ...segment,
  })),
});
