/** What well-known computations compile to. A loss of fusion is a failing test here. */
import { conv, maxPool, type Tensor, valueAndGrad } from "nabla";
import { crossEntropy, relu } from "nabla/nn";
import { adam, applyUpdates, chain, clipByGlobalNorm } from "nabla/optim";
import { describe, expect, test } from "vitest";
import { planCounts } from "../../../src/engine/backend/null/index.ts";
import { explain } from "../../../src/engine/compile/index.ts";
import type { Plan } from "../../../src/engine/ir/index.ts";
import { given, givenLike, planOf, planOfStep } from "./trace.ts";

type Params = Readonly<Record<string, Tensor>>;

const mlp = (): Params => ({
  b1: given([128]),
  b2: given([128]),
  b3: given([10]),
  w1: given([784, 128]),
  w2: given([128, 128]),
  w3: given([128, 10]),
});

function forward(params: Params, x: Tensor): Tensor {
  const layer = (input: Tensor, n: number) =>
    input.matmul(params[`w${n}`] as Tensor).add(params[`b${n}`] as Tensor);
  return layer(relu(layer(relu(layer(x, 1)), 2)), 3);
}

const kernels = (plan: Plan): number => planCounts(plan).byKind.fused ?? 0;

describe("rows", () => {
  test("softmax", () => {
    const x = given([32, 10]);
    expect(explain(planOf([x], x.softmax(-1)))).toMatchInlineSnapshot(`
      "1 inputs, 1 outputs, 1 steps
      0: fused [32][10]: <max> sub exp <sum> div (in0) -> out0
      output 0: f32[32,10] = out0
      arena: 0 bytes"
    `);
    expect(explain(planOf([x], x.logSoftmax(-1)))).toMatchInlineSnapshot(`
      "1 inputs, 1 outputs, 1 steps
      0: fused [32][10]: <max> sub exp <sum> log sub (in0) -> out0
      output 0: f32[32,10] = out0
      arena: 0 bytes"
    `);
  });

  test("layer norm", () => {
    const [x, gain, bias] = [given([32, 64]), given([64]), given([64])];
    const centred = x.sub(x.mean(-1, { keepDims: true }));
    const variance = centred.mul(centred).mean(-1, { keepDims: true });
    const y = centred.div(variance.add(1e-5).sqrt()).mul(gain).add(bias);
    expect(explain(planOf([x, gain, bias], y))).toMatchInlineSnapshot(`
      "3 inputs, 1 outputs, 1 steps
      0: fused [32][64]: <sum> mul sub mul <sum> mul add sqrt div mul add (in0 in1 in2) -> out0
      output 0: f32[32,64] = out0
      arena: 0 bytes"
    `);
  });

  test("cross-entropy, its gradient and accuracy", () => {
    const [logits, labels] = [given([32, 10]), given([32], "i32")];
    const [loss, gradient] = valueAndGrad((z: Tensor) => crossEntropy(z, labels))(logits);
    expect(explain(planOf([logits, labels], [loss, gradient]))).toMatchInlineSnapshot(`
      "2 inputs, 2 outputs, 2 steps
      0: fused [32][10]: iota eq where <max> sub exp <sum> div mul add log where <sum> sub le lt bitAnd where add (in1 in0) -> out1 a0
      1: fused [][32]: <sum> mul (a0) -> out0
      output 0: f32[] = out0
      output 1: f32[32,10] = out1
      arena: 128 bytes"
    `);
    const correct = logits.argmax(-1).eq(labels).astype("f32").mean();
    expect(explain(planOf([logits, labels], [loss, gradient, correct]))).toMatchInlineSnapshot(`
      "2 inputs, 3 outputs, 2 steps
      0: fused [32][10]: <argMax> eq f32 iota eq where <max> sub exp <sum> div mul add log where <sum> sub le lt bitAnd where add (in0 in1) -> a128 out1 a0
      1: fused [][32]: <sum> mul <sum> mul (a0 a128) -> out0 out2
      output 0: f32[] = out0
      output 1: f32[32,10] = out1
      output 2: f32[] = out2
      arena: 256 bytes"
    `);
  });
});

/** x with mean 0 and variance 1 over the axes. */
function normalised(x: Tensor, axes: readonly number[]): Tensor {
  const centred = x.sub(x.mean([...axes], { keepDims: true }));
  return centred.mul(
    centred
      .mul(centred)
      .mean([...axes], { keepDims: true })
      .add(1e-5)
      .rsqrt(),
  );
}

describe("larger blocks", () => {
  test("convolution, batch norm, relu, pooling", () => {
    const [x, w, gain, bias] = [given([8, 16, 16, 3]), given([3, 3, 3, 16]), given([16]), given([16])];
    const block = (kernel: Tensor) =>
      maxPool(
        relu(
          normalised(conv(x, kernel, { padding: 1 }), [0, 1, 2])
            .mul(gain)
            .add(bias),
        ),
        [2, 2],
      );
    // The mean, the variance from the mean, what follows: none of them keeps more than the convolution's result.
    expect(explain(planOf([x, w, gain, bias], block(w)))).toMatchInlineSnapshot(`
      "4 inputs, 1 outputs, 5 steps
      0: conv x[8,16,16,3] w[3,3,3,16] y[8,16,16,16]: in0 in1 -> a0
      1: fused [16][2048]: <sum> mul (a0) -> a131072
      2: fused [16][2048]: sub mul <sum> mul add sqrt div (a0 a131072) -> a131136
      3: fused [2048,16]: sub mul mul add max (a0 a131072 a131136 in2 in3) -> a0
      4: reduceWindow max window [1,2,2,1]: a0 -> out0
      output 0: f32[8,8,8,16] = out0
      arena: 131200 bytes"
    `);
    const [loss, gradient] = valueAndGrad((kernel: Tensor) => block(kernel).square().sum())(w);
    expect(planCounts(planOf([x, w, gain, bias], [loss, gradient]))).toMatchInlineSnapshot(`
      {
        "arenaBytes": 458944,
        "byKind": {
          "conv": 2,
          "fused": 10,
          "index": 1,
          "window": 2,
        },
        "segments": 15,
        "steps": 15,
      }
    `);
  });

  test("attention", () => {
    const [batch, time, width, heads] = [4, 16, 32, 4];
    const x = given([batch, time, width]);
    const weights = {
      q: given([width, width]),
      k: given([width, width]),
      v: given([width, width]),
      o: given([width, width]),
    };
    const attend = (p: typeof weights) => {
      const h = normalised(x, [-1]);
      const split = (w: Tensor) =>
        h
          .matmul(w)
          .reshape([batch, time, heads, width / heads])
          .permute([0, 2, 1, 3]);
      const scores = split(p.q)
        .matmul(split(p.k).permute([0, 1, 3, 2]))
        .mul((width / heads) ** -0.5);
      const mixed = scores.softmax(-1).matmul(split(p.v)).permute([0, 2, 1, 3]).reshape([batch, time, width]);
      return mixed.matmul(p.o).add(x);
    };
    expect(explain(planOf([weights, x], attend(weights)))).toMatchInlineSnapshot(`
      "5 inputs, 1 outputs, 8 steps
      0: fused [64][32]: <sum> mul sub mul <sum> mul add sqrt div mul (in4) -> a16384
      1: gemm 64x32x32: a16384 in2 -> a24576
      2: gemm 64x32x32: a16384 in0 -> a32768
      3: gemm 4x4 x 16x16x8: a24576 a32768^T, then mul -> a0
      4: fused [256][16]: <max> sub exp <sum> div (a0) -> a0
      5: gemm 64x32x32: a16384 in3 -> a24576
      6: gemm 4x4 x 16x8x16: a0 a24576 -> a16384
      7: gemm 64x32x32: a16384 in1, then add (in4) -> out0
      output 0: f32[4,16,32] = out0
      arena: 40960 bytes"
    `);
    const [loss, grads] = valueAndGrad((p: typeof weights) => attend(p).square().mean())(weights);
    expect(planCounts(planOf([weights, x], [loss, grads]))).toMatchInlineSnapshot(`
      {
        "arenaBytes": 81920,
        "byKind": {
          "fused": 4,
          "gemm": 15,
        },
        "segments": 19,
        "steps": 19,
      }
    `);
  });
});

describe("a multilayer perceptron", () => {
  test("forward: three products with their epilogues", () => {
    const [params, x] = [mlp(), given([32, 784])];
    expect(explain(planOf([params, x], forward(params, x)))).toMatchInlineSnapshot(`
      "7 inputs, 1 outputs, 3 steps
      0: gemm 32x128x784: in6 in3, then add max (in0) -> a0
      1: gemm 32x128x128: a0 in4, then add max (in1) -> a16384
      2: gemm 32x10x128: a16384 in5, then add (in2) -> out0
      output 0: f32[32,10] = out0
      arena: 32768 bytes"
    `);
  });

  /** One step of training; the optimizer's state is part of what is updated in place. */
  function training(optimizer: ReturnType<typeof adam>): Plan {
    const [params, x, labels] = [mlp(), given([32, 784]), given([32], "i32")];
    const state = givenLike(optimizer.init(params));
    const [loss, grads] = valueAndGrad((p: Params) => crossEntropy(forward(p, x), labels))(params);
    const [updates, next] = optimizer.update(grads, state, params);
    return planOfStep([params, state], [x, labels], [applyUpdates(params, updates), next], loss);
  }

  test("a step with Adam", () => {
    const plan = training(adam(1e-3));
    expect(plan.steps.length).toBeLessThanOrEqual(20);
    expect(explain(plan)).toMatchInlineSnapshot(`
      "28 inputs (26 donated), 27 outputs, 11 steps
      0: gemm 32x128x784: in26 in3, then add max (in0) -> a0
      1: gemm 32x128x128: a0 in4, then add max (in1) -> a16384
      2: gemm 32x10x128: a16384 in5, then add (in2) -> a49152
      3: fused [32][10]: iota eq where <max> sub exp <sum> div mul add log where <sum> sub le lt bitAnd where add (in27 a49152) -> a49152 a32768
      4: fused [][32]: <sum> mul mul add div mul add div sub (a32768 in23 in8 in6 in24 in9 in7 in25) -> out26 a50432 a50496 a50560 in23 in24
      5: gemm 32x128x10: a49152 in5^T, then le where (a16384) -> a32768
      6: gemm 128x10x32: a16384^T a49152, then mul mul add sub max lt where mul mul mul mul add sub max lt where mul sqrt add div mul add (in5 in16 in8 in6 a50432 in22 in9 in7 a50496 in10 a50560) -> in5 in16 in22
      7: gemm 32x128x128: a32768 in4^T, then le where (a0) -> a16384
      8: gemm 128x128x32: a0^T a32768, then mul mul add sub max lt where mul mul mul mul add sub max lt where mul sqrt add div mul add (in4 in15 in8 in6 a50432 in21 in9 in7 a50496 in10 a50560) -> in4 in15 in21
      9: fused 3 x [128][32] [10][32]: mul <sum> mul add sub max lt where mul mul mul mul add sub max lt where mul sqrt add div mul add (in0 in11 in8 a16384 in6 a50432 in17 in9 in7 a50496 in10 a50560 and 8 more) -> in0 in17 in11 in1 in18 in12 in2 in19 in13
      10: gemm 784x128x32: in26^T a16384, then mul mul add sub max lt where mul mul mul mul add sub max lt where mul sqrt add div mul add (in3 in14 in8 in6 a50432 in20 in9 in7 a50496 in10 a50560) -> in3 in14 in20
      output 0: f32[128] = in0, in the memory of input 0
      output 1: f32[128] = in1, in the memory of input 1
      output 2: f32[10] = in2, in the memory of input 2
      output 3: f32[784,128] = in3, in the memory of input 3
      output 4: f32[128,128] = in4, in the memory of input 4
      output 5: f32[128,10] = in5, in the memory of input 5
      output 6: f32[] = in6, in the memory of input 6
      output 7: f32[] = in7, in the memory of input 7
      output 8: f32[] = in8, in the memory of input 8
      output 9: f32[] = in9, in the memory of input 9
      output 10: f32[] = in10, in the memory of input 10
      output 11: f32[128] = in11, in the memory of input 11
      output 12: f32[128] = in12, in the memory of input 12
      output 13: f32[10] = in13, in the memory of input 13
      output 14: f32[784,128] = in14, in the memory of input 14
      output 15: f32[128,128] = in15, in the memory of input 15
      output 16: f32[128,10] = in16, in the memory of input 16
      output 17: f32[128] = in17, in the memory of input 17
      output 18: f32[128] = in18, in the memory of input 18
      output 19: f32[10] = in19, in the memory of input 19
      output 20: f32[784,128] = in20, in the memory of input 20
      output 21: f32[128,128] = in21, in the memory of input 21
      output 22: f32[128,10] = in22, in the memory of input 22
      output 23: f32[] = in23, in the memory of input 23
      output 24: f32[] = in24, in the memory of input 24
      output 25: f32[] = in25, in the memory of input 25
      output 26: f32[] = out26
      arena: 50624 bytes"
    `);
    expect(planCounts(plan)).toMatchInlineSnapshot(`
      {
        "arenaBytes": 50624,
        "byKind": {
          "fused": 3,
          "gemm": 8,
        },
        "segments": 13,
        "steps": 11,
      }
    `);
  });

  test("a step with clipping: one kernel for the six sums of squares, two for the update", () => {
    const plan = training(chain(clipByGlobalNorm(1), adam(1e-3)));
    expect(plan.steps.length).toBeLessThanOrEqual(20);
    expect(explain(plan)).toMatchInlineSnapshot(`
      "29 inputs (27 donated), 28 outputs, 14 steps
      0: gemm 32x128x784: in27 in3, then add max (in0) -> a0
      1: gemm 32x128x128: a0 in4, then add max (in1) -> a16384
      2: gemm 32x10x128: a16384 in5, then add (in2) -> a32768
      3: fused [32][10]: iota eq where <max> sub exp <sum> div mul add log where <sum> sub le lt bitAnd where add (in28 a32768) -> a32768 a34048
      4: fused [][32]: <sum> mul (a34048) -> out27
      5: gemm 128x10x32: a16384^T a32768 -> a483328
      6: gemm 32x128x10: a32768 in5^T, then le where (a16384) -> a16384
      7: gemm 32x128x128: a16384 in4^T, then le where (a0) -> a466944
      8: fused 3 x [128][32] [10][32]: <sum> (a466944 a16384 a32768) -> a488448 a488960 a489472
      9: gemm 128x128x32: a0^T a16384 -> a401408
      10: gemm 784x128x32: in27^T a466944 -> a0
      11: fused 6 x [][128] [][10] [][100352] [][16384] [][1280]: mul <sum> (a488448 a488960 a489472 a0 a401408 a483328) -> a466944 a467008 a467072 a467136 a467200 a467264
      12: fused []: mul add div mul add div sub add add add add add sqrt max div (in24 in9 in7 in25 in10 in8 in26 in6 a466944 a467008 a467072 a467136 and 2 more) -> a467008 a467072 a467136 a466944 in24 in25
      13: fused 6 x [128] [10] [100352] [16384] [1280]: mul mul mul mul add sub max lt where mul mul add sub max lt where mul mul sqrt add div mul add (in18 in10 a488448 a466944 in8 in0 in12 in9 in7 a467008 a467072 in11 and 21 more) -> in18 in0 in12 in19 in1 in13 in20 in2 in14 in21 in3 in15 and 6 more
      output 0: f32[128] = in0, in the memory of input 0
      output 1: f32[128] = in1, in the memory of input 1
      output 2: f32[10] = in2, in the memory of input 2
      output 3: f32[784,128] = in3, in the memory of input 3
      output 4: f32[128,128] = in4, in the memory of input 4
      output 5: f32[128,10] = in5, in the memory of input 5
      output 6: f32[] = in6, in the memory of input 6
      output 7: f32[] = in7, in the memory of input 7
      output 8: f32[] = in8, in the memory of input 8
      output 9: f32[] = in9, in the memory of input 9
      output 10: f32[] = in10, in the memory of input 10
      output 11: f32[] = in11, in the memory of input 11
      output 12: f32[128] = in12, in the memory of input 12
      output 13: f32[128] = in13, in the memory of input 13
      output 14: f32[10] = in14, in the memory of input 14
      output 15: f32[784,128] = in15, in the memory of input 15
      output 16: f32[128,128] = in16, in the memory of input 16
      output 17: f32[128,10] = in17, in the memory of input 17
      output 18: f32[128] = in18, in the memory of input 18
      output 19: f32[128] = in19, in the memory of input 19
      output 20: f32[10] = in20, in the memory of input 20
      output 21: f32[784,128] = in21, in the memory of input 21
      output 22: f32[128,128] = in22, in the memory of input 22
      output 23: f32[128,10] = in23, in the memory of input 23
      output 24: f32[] = in24, in the memory of input 24
      output 25: f32[] = in25, in the memory of input 25
      output 26: f32[] = in26, in the memory of input 26
      output 27: f32[] = out27
      arena: 489536 bytes"
    `);
  });

  test("Adam alone: scalars, then all tensors", () => {
    const [params, grads, optimizer] = [mlp(), mlp(), adam(1e-3)];
    const state = givenLike(optimizer.init(params));
    const [updates, next] = optimizer.update(grads, state, params);
    const plan = planOfStep([params, state], [grads], [applyUpdates(params, updates), next], []);
    expect(kernels(plan)).toBe(2);
    expect(plan.steps.map((step) => step.kind === "fused" && step.segments.length)).toEqual([1, 6]);
  });
});
