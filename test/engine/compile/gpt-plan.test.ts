/** What a training step of a character-level GPT compiles to: 4 layers, width 128, 4 heads, context 128, batch 16. */
import { type Tensor, valueAndGrad } from "nabla";
import { apply, context, crossEntropy, Gpt, namedParameters, type Tensors } from "nabla/nn";
import { adamW, applyUpdates } from "nabla/optim";
import { expect, test } from "vitest";
import { composites } from "../../../src/engine/backend/cpu/composites.ts";
import { planCounts } from "../../../src/engine/backend/null/index.ts";
import { given, givenLike, planOfStep } from "./trace.ts";

function trainingStep(kernels: ReadonlySet<string>) {
  const model = new Gpt({ vocabulary: 65, width: 128, layers: 4, heads: 4, context: 128 });
  const params: Record<string, Tensor> = {};
  for (const [path, { shape }] of namedParameters(model)) params[path] = given(shape);
  const [tokens, targets] = [given([16, 128], "i32"), given([16, 128], "i32")];
  const optimizer = adamW(1e-3);
  const state = givenLike(optimizer.init(params));
  const loss = (p: Tensors) =>
    apply(model, p, () => crossEntropy(model.forward(tokens, context({ train: true })), targets));
  const [value, grads] = valueAndGrad(loss)(params);
  const [updates, next] = optimizer.update(grads, state, params);
  return planOfStep(
    [params, state],
    [tokens, targets],
    [applyUpdates(params, updates), next],
    value,
    {},
    { composites: kernels },
  );
}

test("a training step of a GPT, whose attention is two kernels a layer", () => {
  expect(planCounts(trainingStep(composites))).toMatchInlineSnapshot(`
    {
      "arenaBytes": 88998592,
      "byKind": {
        "composite": 8,
        "fused": 29,
        "gemm": 75,
        "index": 2,
      },
      "segments": 155,
      "steps": 114,
    }
  `);
});

test("the same where a device has no kernels for it: every score is kept", () => {
  const plan = trainingStep(new Set());
  expect(planCounts(plan)).toMatchInlineSnapshot(`
    {
      "arenaBytes": 109839040,
      "byKind": {
        "fused": 34,
        "gemm": 99,
        "index": 2,
      },
      "segments": 179,
      "steps": 135,
    }
  `);
});
