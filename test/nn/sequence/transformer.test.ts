/** Transformer blocks, a small GPT and an LSTM classifier against PyTorch (goldens/transformer.py). */
import { grad, jit, random, type Tensor, tensor, valueAndGrad, zeros } from "nabla";
import {
  apply,
  attentionFromPyTorch,
  context,
  crossEntropy,
  Gpt,
  gelu,
  generate,
  LayerNorm,
  Linear,
  LSTM,
  type Module,
  recurrentFromPyTorch,
  relu,
  Sequential,
  summary,
  type Tensors,
  TransformerBlock,
} from "nabla/nn";
import { adam, applyUpdates, type State } from "nabla/optim";
import { expectClose } from "nabla/testing";
import { describe, expect, test } from "vitest";
import { given, type Listed, matches, readGolden, weighed } from "./golden.ts";

type Lists = Readonly<Record<string, Listed>>;
interface Layer {
  readonly norm: "pre" | "post";
  readonly activation: "gelu" | "relu";
  readonly causal: boolean;
  readonly parameters: Lists;
  readonly x: Listed;
  readonly context: Listed | null;
  readonly y: Listed;
  readonly gradients: Lists;
}
interface Trained {
  readonly parameters: Lists;
  readonly losses: readonly number[];
}
const golden = readGolden<{
  layers: Readonly<Record<string, Layer>>;
  gpt: Trained & { tokens: number[][] };
  lstm: Trained & { x: Listed; labels: number[] };
}>("transformer");

const attentions: Readonly<Record<string, string>> = { self_attn: "attention", multihead_attn: "cross" };

/** PyTorch's encoder or decoder layer under the block's paths. */
function block(state: Lists, decoder: boolean): Tensors {
  const norms: Readonly<Record<string, string>> = decoder
    ? { norm1: "attentionNorm", norm2: "crossNorm", norm3: "feedForwardNorm" }
    : { norm1: "attentionNorm", norm2: "feedForwardNorm" };
  const modules: Readonly<Record<string, string>> = {
    ...norms,
    linear1: "feedForward/first",
    linear2: "feedForward/second",
  };
  const found: Record<string, Tensor> = {};
  for (const [name, list] of Object.entries(state)) {
    const [head = "", ...rest] = name.split(".");
    const value = given(list);
    if (head in attentions) {
      const parts = attentionFromPyTorch({ [rest.join(".")]: value });
      for (const [path, part] of Object.entries(parts)) found[`${attentions[head]}/${path}`] = part;
    } else found[`${modules[head]}/${rest[0]}`] = value.ndim === 2 ? value.transpose() : value;
  }
  return found;
}

describe("TransformerBlock", () => {
  test.each(Object.keys(golden.layers))("is PyTorch's %s", async (name) => {
    const each = golden.layers[name] as Layer;
    const decoder = each.context !== null;
    const layer = new TransformerBlock(6, {
      heads: 2,
      hidden: 10,
      norm: each.norm,
      activation: each.activation === "gelu" ? gelu : relu,
      causal: each.causal,
      cross: decoder,
    });
    const args = {
      parameters: block(each.parameters, decoder),
      x: given(each.x),
      ...(each.context && { context: given(each.context) }),
    };
    const of = (all: typeof args): Tensor =>
      apply(layer, all.parameters, () =>
        layer.forward(all.x, undefined, all.context && { context: all.context }),
      );
    await matches(of(args), each.y, "result");
    const grads = jit((all: typeof args) => grad((at: typeof args) => weighed(of(at)))(all))(args);
    await matches(grads.x, each.gradients.x as Listed, "gradient of x");
    if (grads.context)
      await matches(grads.context, each.gradients.context as Listed, "gradient of the context");
    const { x: _x, context: _context, ...own } = each.gradients;
    for (const [path, g] of Object.entries(block(own, decoder))) {
      const list = { shape: g.shape, data: [...(await g.data())] };
      // What all keys have in common does not change a softmax: that gradient is 0, but for rounding.
      await matches(
        grads.parameters[path] as Tensor,
        list,
        `gradient of ${path}`,
        path.endsWith("key/bias") ? 1 : undefined,
      );
    }
  });

  test("with a cache is as without", async () => {
    const layer = new TransformerBlock(8, { heads: 2, causal: true, rotary: true }).init(0);
    const x = random.normal(random.key(1), [2, 5, 8]);
    const first = layer.extend(x.slice([], [0, 3]), layer.attention.cache(2, 5));
    const second = layer.extend(x.slice([], [3]), first.cache);
    const whole = layer.forward(x);
    await expectClose(first.output, whole.slice([], [0, 3]), { absolute: 1e-5 });
    await expectClose(second.output, whole.slice([], [3]), { absolute: 1e-5 });
  });

  const plain = new TransformerBlock(8, { heads: 2 }).init(0);
  const decoder = new TransformerBlock(8, { heads: 2, cross: true }).init(0);
  test.each([
    [
      () => new TransformerBlock(10, { heads: 4 }),
      "MultiHeadAttention: width must be divisible by heads; got 10 and 4.",
    ],
    [
      () => new TransformerBlock(8, { heads: 2, norm: "none" as "pre" }),
      'TransformerBlock: norm must be "pre" or "post"; got "none".',
    ],
    [
      () => plain.forward(zeros([1, 3, 8]), context(), { context: zeros([1, 2, 8]) }),
      "TransformerBlock: a context needs a block made with { cross: true }.",
    ],
    [
      () => decoder.forward(zeros([1, 3, 8])),
      "TransformerBlock: a block with cross needs a context; got none.",
    ],
    [
      () => plain.forward(zeros([1, 3, 7])),
      "LayerNorm attentionNorm: input must be [..., 8]; got f32[1,3,7].",
    ],
    [() => new LayerNorm(0), "LayerNorm: size must be a positive integer; got 0."],
  ])("error %#", (call, message) => {
    expect(call).toThrow(message);
  });
});

/** Losses of ten Adam steps. */
async function losses(model: Module, params: Tensors, x: Tensor, y: Tensor): Promise<number[]> {
  const optimizer = adam(1e-2);
  const loss = (p: Tensors) => apply(model, p, () => crossEntropy(model.forward(x, context()), y));
  const step = jit((p: Record<string, Tensor>, memory: State): [Record<string, Tensor>, State, Tensor] => {
    const [value, grads] = valueAndGrad(loss)(p);
    const [updates, next] = optimizer.update(grads, memory, p);
    return [applyUpdates(p, updates), next, value];
  });
  let [now, memory] = [{ ...params }, optimizer.init(params)];
  const found: number[] = [];
  for (let i = 0; i < 10; i++) {
    const [next, state, value] = step(now, memory);
    [now, memory] = [next, state];
    found.push(await value.item());
  }
  return found;
}

describe("training from equal weights comes to PyTorch's losses", () => {
  test("a GPT", async () => {
    const { parameters, tokens, losses: expected } = golden.gpt;
    const params: Record<string, Tensor> = {};
    for (const [name, list] of Object.entries(parameters)) {
      const [, at, rest = ""] = /^blocks\.(\d+)\.(.+)$/.exec(name) ?? [];
      if (at === undefined) params[name.replace(".", "/")] = given(list);
      else
        for (const [path, value] of Object.entries(block({ [rest]: list }, false)))
          params[`blocks/${at}/${path}`] = value;
    }
    const model = new Gpt({ vocabulary: 7, width: 8, layers: 2, heads: 2, context: 6 });
    const ints = (rows: number[][]) => tensor(rows, { dtype: "i32" });
    const found = await losses(
      model,
      params,
      ints(tokens.map((row) => row.slice(0, -1))),
      ints(tokens.map((row) => row.slice(1))),
    );
    await expectClose(found, expected, { relative: 2e-5 });
    expect(found.at(-1)).toBeLessThan((found[0] as number) * 0.95);
  });

  test("an LSTM classifier", async () => {
    const { parameters, x, labels, losses: expected } = golden.lstm;
    const entries = Object.entries(parameters);
    const lstm = Object.fromEntries(
      entries.flatMap(([name, list]) => (name.startsWith("lstm.") ? [[name.slice(5), given(list)]] : [])),
    );
    const params = {
      ...Object.fromEntries(
        Object.entries(recurrentFromPyTorch(lstm)).map(([path, value]) => [`layers/0/${path}`, value]),
      ),
      "layers/1/weight": given(parameters["head.weight"] as Listed).transpose(),
      "layers/1/bias": given(parameters["head.bias"] as Listed),
    };
    const model = new Sequential(new LSTM(4, 5, { returnSequences: false }), new Linear(5, 3));
    await expectClose(await losses(model, params, given(x), tensor(labels, { dtype: "i32" })), expected, {
      relative: 2e-5,
    });
  });
});

describe("Gpt", () => {
  const options = { vocabulary: 11, width: 12, layers: 2, heads: 3, context: 8 };
  const tokens = tensor([[1, 5, 10, 0, 3, 3, 7]], { dtype: "i32" });

  test.each(["learned", "sinusoidal", "rotary"] as const)(
    "%s positions: with caches as without, and causal",
    async (positions) => {
      const model = new Gpt({ ...options, positions, groups: 1 }).init(0);
      const whole = model.forward(tokens);
      expect(whole.shape).toEqual([1, 7, 11]);
      const first = model.extend(tokens.slice([], [0, 4]), model.caches(1));
      const second = model.extend(tokens.slice([], [4]), first.caches);
      await expectClose(first.logits, whole.slice([], [0, 4]), { absolute: 1e-5 });
      await expectClose(second.logits, whole.slice([], [4]), { absolute: 1e-5 });
      // The order of what came before matters.
      const swapped = tensor([[5, 1, 10, 0, 3, 3, 7]], { dtype: "i32" });
      const [a, b] = await Promise.all([model.forward(swapped), whole].map((y) => y.index(0, -1).data()));
      expect(a).not.toEqual(b);
    },
  );

  test("a tied output layer has no weights of its own", () => {
    const count = (tied: boolean) => summary(new Gpt({ ...options, tied })).trainable;
    expect(count(false) - count(true)).toBe(11 * 12);
  });

  test("generate: the likeliest, and drawn ones that a seed repeats", async () => {
    const model = new Gpt(options).init(4);
    const prompt = [1, 5];
    const greedy = await generate(model, prompt, { count: 5, temperature: 0 });
    const all = [...prompt];
    for (let i = 0; i < 5; i++) {
      const logits = model.forward(tensor([all], { dtype: "i32" }));
      all.push(await logits.index(0, -1).argmax(-1).item());
    }
    expect(greedy).toEqual(all.slice(2));
    expect(await generate(model, prompt, { count: 5, topK: 1, seed: 9 })).toEqual(greedy);
    const drawn = (seed: number) => generate(model, prompt, { count: 6, seed });
    expect(await drawn(1)).toEqual(await drawn(1));
    expect(await drawn(1)).not.toEqual(await drawn(2));
  });

  test.each([
    [() => new Gpt({ ...options, layers: 0 }), "Gpt: layers must be a positive integer; got 0."],
    [
      () => new Gpt({ ...options, heads: 5 }),
      "MultiHeadAttention: width must be divisible by heads; got 12 and 5.",
    ],
    [
      () => new Gpt({ ...options, positions: "none" as "rotary" }),
      'Gpt: positions must be "learned", "sinusoidal" or "rotary"; got "none".',
    ],
    [
      () => new Gpt(options).forward(zeros([1, 9], "i32")),
      "Gpt: tokens must be [batch, time] with time at most 8; got i32[1,9].",
    ],
    [
      () => new Gpt(options).extend(tokens, []),
      "Gpt: there must be a cache for each of 2 blocks; got 0. See caches(batch).",
    ],
  ])("error %#", (call, message) => {
    expect(call).toThrow(message);
  });

  test.each([
    [[], { count: 1 }, "generate: the prompt must have a token; got none."],
    [[1, 11], { count: 1 }, "generate: tokens must be in [0, 11); got 11 at [1]."],
    [
      [1, 2],
      { count: 8 },
      "generate: count must be a positive integer that fits in the context of 8 with the prompt of 2; got 8.",
    ],
    [[1], { count: 1, temperature: -1 }, "generate: temperature must be at least 0; got -1."],
    [[1], { count: 1, topK: 12 }, "generate: topK must be in [1, 11]; got 12."],
  ])("generate's error %#", async (prompt, how, message) => {
    await expect(generate(new Gpt(options).init(0), prompt, how)).rejects.toThrow(message);
  });
});
