/** Loops and their derivatives as plans: the forward body runs once, and products with what stays the same leave the loop. */
import { scan, sigmoid, type Tensor, valueAndGrad } from "nabla";
import { describe, expect, test } from "vitest";
import { nullBackend } from "../../../src/engine/backend/null/index.ts";
import { compile, explain } from "../../../src/engine/compile/index.ts";
import type { LoopStep, Plan } from "../../../src/engine/ir/index.ts";
import { build as b, make, outputsOf } from "../../../src/engine/ops/index.ts";
import { backends, run } from "./run.ts";
import { given, planOf } from "./trace.ts";

const loopsOf = (plan: Plan): LoopStep[] => plan.steps.filter((step) => step.kind === "loop");
const stepsLines = (plan: Plan): string =>
  explain(plan)
    .split("\n")
    .filter((line) => /^\s*\d+: /.test(line))
    .join("\n");

type Weights = Readonly<Record<"input" | "hidden" | "bias", Tensor>>;

const [time, batch, width, features] = [16, 4, 8, 6];
const weights = (): Weights => ({
  input: given([features, 4 * width]),
  hidden: given([width, 4 * width]),
  bias: given([4 * width]),
});

/** An LSTM of which only the last state is used, or all outputs. */
function lstm(w: Weights, x: Tensor, start: Tensor, all: boolean): Tensor {
  const projected = x.matmul(w.input).add(w.bias);
  const [[last], outputs] = scan(
    ([h, c]: [Tensor, Tensor], at: Tensor) => {
      const [i, f, g, o] = at.add(h.matmul(w.hidden)).split(4, -1) as [Tensor, Tensor, Tensor, Tensor];
      const cell = sigmoid(f).mul(c).add(sigmoid(i).mul(g.tanh()));
      const next = sigmoid(o).mul(cell.tanh());
      return [[next, cell] as [Tensor, Tensor], all ? next : null];
    },
    [start, start] as [Tensor, Tensor],
    projected,
  );
  return (outputs ?? last).square().mean();
}

function trained(all: boolean): Plan {
  const [w, x, start] = [weights(), given([time, batch, features]), given([batch, width])];
  const [loss, grads] = valueAndGrad((p: Weights) => lstm(p, x, start, all))(w);
  return planOf([w, x, start], [loss, grads]);
}

describe("training an LSTM", () => {
  test.each([true, false])("runs each step forward once; outputs of all steps: %s", (all) => {
    const plan = trained(all);
    const [forward, backward, ...more] = loopsOf(plan);
    expect(more).toEqual([]);
    expect([forward?.reverse, backward?.reverse]).toEqual([false, true]);
    const products = (loop?: LoopStep) => loop?.steps.filter(({ kind }) => kind === "gemm").length;
    expect([products(forward), products(backward)]).toEqual([1, 1]);
  });

  test("takes products with the weights out of the loops", () => {
    expect(stepsLines(trained(true))).toMatchInlineSnapshot(`
        "0: fused [32]: copy (in4) -> a25088 a25216 a8192
        1: gemm 64x32x6: in3 in2, then add (in0) -> a0
        2: loop 16 times:
          0: gemm 4x32x8: a25088 in1, then add (a0[i]) -> a24576
          1: fused [4,8]: sub exp add div sub exp add div sub exp add div mul tanh mul add tanh mul (a24576 a25216) -> a12288[i] a20480[i] a18432[i] a25088 a25216 a22528[i] a14336[i] a10240[i] a16384[i]
        3: fused [480]: copy (a10240) -> a8192
        4: fused [][512]: mul <sum> mul mul add (a10240) -> out0 a10240
        5: fused 2 x [32]: fill () -> a24576 a24704
        6: loop 16 times backwards:
          0: fused [4,8]: add mul mul sub mul add mul mul sub mul mul mul sub mul mul mul mul sub mul mul sub mul mul (a24704 a24576 a10240[i] a12288[i] a14336[i] a20480[i] a16384[i] a18432[i] a22528[i]) -> a24704 a0[i]
          1: gemm 4x8x32: a0[i] in1^T -> a24576
        7: gemm 8x32x64: a8192^T a0 -> out2
        8: fused [32][64]: <sum> (a0) -> out1
        9: gemm 6x32x64: in3^T a0 -> out3"
      `);
  });
});

describe("loops over the same sources", () => {
  const [x, xs] = [b.make("input", [], {}, [3], "f32"), b.make("input", [], {}, [5, 3], "f32")];
  const loop = (factor: number, results: "sum" | "product" | "both") => {
    const [c, s] = [b.make("input", [], {}, [3], "f32"), b.make("input", [], {}, [3], "f32")];
    const next = b.add(b.mul(c, b.fill(c, factor)), s);
    const made = { sum: [b.add(c, s)], product: [b.mul(c, s)], both: [b.mul(c, s), b.add(c, s)] }[results];
    const body = { params: [c, s], outs: [next, ...made] };
    return outputsOf(make("loop", [x, xs], { body, length: 5, carry: 1, xs: 1, reverse: false }));
  };
  const graph = (outputs: ReturnType<typeof loop>) => ({
    inputs: [x, xs],
    outputs,
    donated: [false, false],
  });
  const data = [Float32Array.of(1, 2, 3), Float32Array.from({ length: 15 }, (_, i) => i - 7)];

  test.each(backends)("with equal carries are one, on %s", async (_, backend) => {
    const [sum, product, both] = [loop(2, "sum"), loop(2, "product"), loop(2, "both")];
    const outputs = [sum[1], product[0], product[1], both[1], both[2]].map((node) => node as typeof x);
    const together = await run(graph(outputs), data, {}, 1, [], {}, backend);
    expect(loopsOf(together.plan)).toHaveLength(1);
    for (const [i, output] of outputs.entries()) {
      const alone = await run(graph([output]), data, {}, 1, [], {}, backend);
      expect(together.outputs[i]).toEqual(alone.outputs[0]);
    }
  });

  test("with other carries stay apart", () => {
    const [, a] = loop(2, "sum");
    const [, c] = loop(3, "sum");
    const plan = planOfNodes([a as typeof x, c as typeof x]);
    expect(loopsOf(plan)).toHaveLength(2);
  });

  test("stack only what is read", () => {
    const plan = planOfNodes([loop(2, "both")[0] as typeof x]);
    expect(stepsLines(plan)).toMatchInlineSnapshot(`
      "0: fused [3]: copy (in0) -> out0
      1: loop 5 times:
        0: fused [3]: mul add (out0 in1[i]) -> out0"
    `);
  });

  function planOfNodes(outputs: (typeof x)[]): Plan {
    return compile(graph(outputs), nullBackend().caps, { verify: true });
  }
});
