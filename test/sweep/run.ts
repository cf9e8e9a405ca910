/** Runs one case on one backend and compares it with the f64 meaning of the graph. */
import { createHash } from "node:crypto";
import { type CompileOptions, compile } from "../../src/engine/compile/index.ts";
import { type Backend, bytesOf, type Node, type Plan } from "../../src/engine/ir/index.ts";
import { evaluateGraph } from "../../src/engine/ops/index.ts";
import { type Case, paramsOf } from "./case.ts";
import { difference } from "./compare.ts";
import { decode, type Host } from "./host.ts";

export interface Verdict {
  readonly name: string;
  /** What is wrong; null: nothing. */
  readonly problem: string | null;
  /** Of all result bytes, NaNs made one. */
  readonly digest: string;
}

export interface RunOptions extends CompileOptions {
  /** Inputs whose memory is given to the run; default: none. */
  readonly donated?: readonly boolean[];
  /** Called with the plan before it runs. */
  readonly inspect?: (plan: Plan) => void;
}

/** What the device makes of a graph: one plan, checked between the passes, and one run. */
export async function runGraph(
  backend: Backend,
  inputs: readonly Node[],
  outputs: readonly Node[],
  data: readonly Host[],
  { donated = inputs.map(() => false), inspect, ...options }: RunOptions = {},
): Promise<Host[]> {
  const plan = compile({ inputs, outputs, donated }, backend.caps, { verify: true, ...options });
  inspect?.(plan);
  const executable = backend.compile(plan);
  const inputIds = data.map(({ aval, bytes }) => {
    const id = backend.alloc(bytesOf(aval));
    if (bytes.length > 0) backend.write(id, bytes);
    return id;
  });
  const outputIds = plan.outputs.map(({ aval, donor }) =>
    donor === null ? backend.alloc(bytesOf(aval)) : (inputIds[donor] as number),
  );
  try {
    backend.run(executable, inputIds, outputIds, []);
    const results: Host[] = [];
    for (const [i, { aval }] of outputs.entries()) {
      results.push({ aval, bytes: await backend.read(outputIds[i] as number, 0, bytesOf(aval)) });
    }
    return results;
  } finally {
    for (const id of new Set([...inputIds, ...outputIds])) backend.free(id);
    executable.release();
  }
}

/** NaNs differ in their bits between machines; nothing else may. */
function digestOf(results: readonly Host[]): string {
  const hash = createHash("sha256");
  for (const host of results) {
    hash.update(
      new Uint8Array(decode(host).map((value) => (Number.isNaN(value) ? Number.NaN : value)).buffer),
    );
  }
  return hash.digest("hex").slice(0, 16);
}

export async function runCase(backend: Backend, test: Case): Promise<Verdict> {
  const { name, inputs, tolerance } = test;
  try {
    const params = paramsOf(inputs);
    const outputs = test.build(params);
    const evaluate = (change: (x: number) => number) =>
      evaluateGraph(
        outputs,
        new Map(params.map((param, i) => [param, decode(inputs[i] as Host).map(change)])),
      );
    const want = evaluate((x) => x);
    const magnitudes = tolerance.kind === "terms" ? evaluate(Math.abs) : null;
    const got = await runGraph(backend, params, outputs, inputs);
    const problems = got.map((host, i) => {
      const problem = difference(
        decode(host),
        want[i] as Float64Array,
        magnitudes?.[i] ?? null,
        host.aval,
        tolerance,
      );
      return problem === null ? [] : [`output ${i}: ${problem}`];
    });
    return { name, problem: problems.flat().join("; ") || null, digest: digestOf(got) };
  } catch (error) {
    return { name, problem: `threw ${error instanceof Error ? error.message : String(error)}`, digest: "" };
  }
}
