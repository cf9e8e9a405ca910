import { describe, expect, it } from "vitest";
import { referenceBackend } from "../../../../src/engine/backend/reference/index.ts";
import { compile } from "../../../../src/engine/compile/index.ts";
import { bytesOf, type Node } from "../../../../src/engine/ir/index.ts";
import { decodeElements, encodeElements, evaluateGraph } from "../../../../src/engine/ops/index.ts";
import { cases } from "../../ops/cases.ts";
import { gradients, type Input, param } from "../../ops/check.ts";

/** Runs a graph as a plan on the reference device; f32 results are read as the device holds them, rounded. */
async function runPlan(
  inputs: readonly Input[],
  params: readonly Node[],
  outputs: readonly Node[],
  fuse: boolean,
) {
  const backend = referenceBackend();
  const plan = compile({ inputs: params, outputs, donated: params.map(() => false) }, backend.caps, {
    fuse,
    verify: true,
  });
  const exe = backend.compile(plan);
  const ins = params.map(({ aval }, i) => {
    const id = backend.alloc(bytesOf(aval));
    backend.write(id, encodeElements((inputs[i] as Input).data, aval.dtype));
    return id;
  });
  const outs = outputs.map(({ aval }) => backend.alloc(bytesOf(aval)));
  backend.run(exe, ins, outs, []);
  return Promise.all(
    outputs.map(async ({ aval }, i) =>
      decodeElements(await backend.read(outs[i] as number, 0, bytesOf(aval)), aval.dtype),
    ),
  );
}

describe("plans give what the graph means", () => {
  it.each(cases.map((test): [string, (typeof cases)[number]] => [`${test.op} ${test.name}`, test]))(
    "%s",
    async (_name, { inputs, build }) => {
      // Inputs as f32 holds them, so that plan and oracle start alike.
      const rounded = inputs.map((input) => ({ ...input, data: input.data.map(Math.fround) }));
      const params = rounded.map(({ shape, dtype }) => param(shape, dtype));
      const outs = build(params);
      const outputs = [...outs, ...gradients(outs, params)];
      const bindings = new Map(
        params.map((node, i) => [node, Float64Array.from((rounded[i] as Input).data)]),
      );
      const expected = evaluateGraph(outputs, bindings);
      for (const fuse of [true, false]) {
        const got = await runPlan(rounded, params, outputs, fuse);
        got.forEach((values, i) => {
          const truth = expected[i] as Float64Array;
          values.forEach((value, k) => {
            const right = truth[k] as number;
            const error = Object.is(value, right)
              ? 0
              : Math.abs(value - right) / Math.max(1e-3, Math.abs(right));
            expect(error, `fuse ${fuse}, output ${i}, element ${k}: ${value} against ${right}`).toBeLessThan(
              1e-6,
            );
          });
        });
      }
    },
  );
});
