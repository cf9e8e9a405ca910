/** Runs a plan on a device. */

import { cpuAvailable, cpuBackend } from "../../../src/engine/backend/cpu/index.ts";
import { referenceBackend } from "../../../src/engine/backend/reference/index.ts";
import { type CompileGraph, type CompileOptions, compile } from "../../../src/engine/compile/index.ts";
import { type Backend, bytesOf, type Plan } from "../../../src/engine/ir/index.ts";

const native = cpuAvailable().ok ? cpuBackend({ threads: 2 }) : null;

/** The devices there are. */
export const backends: readonly (readonly [string, Backend])[] = [
  ["reference", referenceBackend()],
  ...(native === null ? [] : [["cpu", native] as const]),
];

export interface Ran {
  readonly plan: Plan;
  readonly outputs: Float32Array[];
}

/** The outputs after `times` runs over the same memory. Tensors are f32. */
export async function run(
  graph: CompileGraph,
  data: readonly Float32Array[],
  options: CompileOptions = {},
  times = 1,
  scalars: readonly number[] = [],
  limits: { maxBuffersPerKernel?: number; segments?: boolean } = {},
  backend: Backend = (backends[0] as (typeof backends)[number])[1],
): Promise<Ran> {
  const plan = compile(graph, { ...backend.caps, ...limits }, { verify: true, ...options });
  const inputs = data.map((values) => {
    const id = backend.alloc(values.byteLength);
    if (values.length > 0) backend.write(id, new Uint8Array(values.slice().buffer));
    return id;
  });
  const outputs = plan.outputs.map(({ donor, aval }) =>
    donor === null ? backend.alloc(bytesOf(aval)) : (inputs[donor] as number),
  );
  const executable = backend.compile(plan);
  for (let i = 0; i < times; i++) backend.run(executable, inputs, outputs, scalars);
  const results: Float32Array[] = [];
  for (const [i, { aval }] of plan.outputs.entries()) {
    const bytes = await backend.read(outputs[i] as number, 0, bytesOf(aval));
    results.push(new Float32Array(bytes.slice().buffer));
  }
  executable.release();
  for (const id of inputs) backend.free(id);
  plan.outputs.forEach(({ donor }, i) => {
    if (donor === null) backend.free(outputs[i] as number);
  });
  return { plan, outputs: results };
}
