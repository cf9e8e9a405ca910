/** What a ResNet-20 training step compiles to, and a block of convolution, batch norm and relu in it. */
import { type Tensor, valueAndGrad } from "nabla";
import {
  apply,
  BatchNorm,
  Conv2d,
  context,
  crossEntropy,
  flops,
  type Module,
  relu,
  Sequential,
  summary,
  type Tensors,
} from "nabla/nn";
import { applyUpdates, sgd } from "nabla/optim";
import { expect, test } from "vitest";
import { resnet20 } from "../../../examples/resnet20.ts";
import { planCounts } from "../../../src/engine/backend/null/index.ts";
import { explain } from "../../../src/engine/compile/index.ts";
import type { Plan } from "../../../src/engine/ir/index.ts";
import { given, givenLike, planOf, planOfStep } from "./trace.ts";

/** Every parameter and buffer given, by path. */
function tensorsOf(model: Module): { params: Record<string, Tensor>; buffers: Record<string, Tensor> } {
  model.init(0);
  return givenLike({ params: model.parameters(), buffers: model.buffers() });
}

/** Outputs and next buffers. */
const run = (model: Module, tensors: Tensors, x: Tensor): { y: Tensor; buffers: Tensors } =>
  apply(model, tensors, () => {
    const ctx = context({ train: true });
    return { y: model.forward(x, ctx), buffers: ctx.updates() };
  });

function trainingPlan(batch: number): Plan {
  const model = resnet20();
  const { params, buffers } = tensorsOf(model);
  const optimizer = sgd(0.1, { momentum: 0.9, weightDecay: 1e-4 });
  const state = givenLike(optimizer.init(params));
  const [x, labels] = [given([batch, 32, 32, 3]), given([batch], "i32")];
  const loss = (p: Tensors): [Tensor, Tensors] => {
    const { y, buffers: next } = run(model, { ...p, ...buffers }, x);
    return [crossEntropy(y, labels), next];
  };
  const [[value, next], grads] = valueAndGrad(loss, { hasAux: true })(params);
  const [updates, memory] = optimizer.update(grads, state, params);
  return planOfStep(
    [params, buffers, state],
    [x, labels],
    [applyUpdates(params, updates), next, memory],
    value,
  );
}

test("ResNet-20 is the one of the paper", () => {
  // 0.27 million parameters and 41 million multiply-adds
  expect(summary(resnet20()).trainable).toBe(269_722);
  expect(flops(resnet20(), [32, 32, 3]).macs).toBe(40_551_040);
});

test("a ResNet-20 training step", () => {
  const plan = trainingPlan(32);
  expect(planCounts(plan)).toMatchInlineSnapshot(`
    {
      "arenaBytes": 48390272,
      "byKind": {
        "conv": 56,
        "fused": 103,
        "gemm": 3,
      },
      "segments": 163,
      "steps": 162,
    }
  `);
});

const block = () => {
  const model = new Sequential(new Conv2d(16, 16, 3, { padding: 1, bias: false }), new BatchNorm(16), relu);
  return { model, ...tensorsOf(model), x: given([32, 16, 16, 16]) };
};

test("convolution, batch norm and relu in inference: the norm and relu are the convolution's epilogue", () => {
  const { model, params, buffers, x } = block();
  const y = apply(model, { ...params, ...buffers }, () => model.forward(x, context()));
  expect(explain(planOf([params, buffers, x], y))).toMatchInlineSnapshot(`
    "6 inputs, 1 outputs, 2 steps
    0: fused [16]: add sqrt div mul (in4 in2) -> a0
    1: conv x[32,16,16,16] w[3,3,16,16] y[32,16,16,16]: in5 in0, then sub mul add max (in3 a0 in1) -> out0
    output 0: f32[32,16,16,16] = out0
    arena: 64 bytes"
  `);
});

test("convolution, batch norm and relu in training: mean, variance, the rest; backward a pass for the sums and one for the gradient", () => {
  const { model, params, buffers, x } = block();
  const g = given([32, 16, 16, 16]);
  const loss = (p: Tensors, image: Tensor): [Tensor, Tensors] => {
    const { y, buffers: next } = run(model, { ...p, ...buffers }, image);
    return [y.mul(g).sum(), next];
  };
  const [[, next], [grads, gradient]] = valueAndGrad(loss, { argnums: [0, 1], hasAux: true })(params, x);
  expect(explain(planOf([params, buffers, x, g], [next, grads, gradient]))).toMatchInlineSnapshot(`
    "7 inputs, 6 outputs, 8 steps
    0: conv x[32,16,16,16] w[3,3,16,16] y[32,16,16,16]: in5 in0 -> a0
    1: fused [16][8192]: mul <sum> mul mul add (in3 a0) -> out0 a1048576
    2: fused [16][8192]: sub mul <sum> mul add sqrt div mul mul mul mul add (a0 a1048576 in2 in4) -> a1048704 a1048640 out1
    3: fused [8192,16]: sub mul add max le where (a0 a1048576 a1048704 in1 in6) -> a524288
    4: fused [16][8192]: sub mul <sum> mul mul mul mul mul <sum> mul mul mul (a524288 a0 a1048576 a1048640 in2) -> out4 a1048768 a1048640 out3
    5: fused [8192,16]: mul sub sub mul sub (a524288 a1048704 a1048640 a0 a1048576 a1048768) -> a0
    6: convFilterGrad x[32,16,16,16] w[3,3,16,16] y[32,16,16,16]: in5 a0 -> out2
    7: convInputGrad x[32,16,16,16] w[3,3,16,16] y[32,16,16,16]: a0 in0 -> out5
    output 0: f32[16] = out0
    output 1: f32[16] = out1
    output 2: f32[3,3,16,16] = out2
    output 3: f32[16] = out3
    output 4: f32[16] = out4
    output 5: f32[32,16,16,16] = out5
    arena: 1048832 bytes"
  `);
});
