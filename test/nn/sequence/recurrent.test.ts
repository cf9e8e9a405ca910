/** RNN, LSTM and GRU against PyTorch (goldens/recurrent.py), and what must hold between them. */
import fc from "fast-check";
import { concat, grad, jit, random, setDefaultDevice, type Tensor, tensor, zeros } from "nabla";
import {
  apply,
  context,
  GRU,
  GRUCell,
  LSTM,
  LSTMCell,
  type Recurrent,
  type RecurrentCell,
  RNN,
  RNNCell,
  recurrentFromPyTorch,
  type Tensors,
} from "nabla/nn";
import { expectClose } from "nabla/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { devices } from "../devices.ts";
import { given, type Listed, matches, readGolden, weighed } from "./golden.ts";

interface Case {
  readonly kind: "rnn" | "lstm" | "gru";
  readonly options: {
    readonly num_layers?: number;
    readonly bidirectional?: boolean;
    readonly bias?: boolean;
    readonly nonlinearity?: "tanh" | "relu";
  };
  readonly lengths: readonly number[] | null;
  readonly parameters: Readonly<Record<string, Listed>>;
  readonly x: Listed;
  readonly initial: Readonly<Record<string, Listed>> | null;
  readonly outputs: Listed;
  readonly final: Readonly<Record<string, Listed>>;
  readonly gradients: Readonly<Record<string, Listed>>;
}
const { cases } = readGolden<{ cases: Readonly<Record<string, Case>> }>("recurrent");

type Net = Recurrent<"h" | "c">;
const kinds = { rnn: RNN, lstm: LSTM, gru: GRU };

function netOf({ kind, options, x, outputs }: Case): Net {
  const directions = options.bidirectional ? 2 : 1;
  const hidden = (outputs.shape[2] as number) / directions;
  return new kinds[kind](x.shape[2] as number, hidden, {
    layers: options.num_layers ?? 1,
    bidirectional: options.bidirectional ?? false,
    bias: options.bias ?? true,
    ...(options.nonlinearity && { nonlinearity: options.nonlinearity }),
  }) as Net;
}

const mapped = <A, B>(record: Readonly<Record<string, A>>, fn: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, fn(value)]));

describe.each(devices)("PyTorch's, on %s", (device) => {
  beforeAll(() => setDefaultDevice(device));
  afterAll(() => setDefaultDevice(devices.at(-1) as string));
  test.each(Object.keys(cases))("%s", async (name) => {
    const golden = cases[name] as Case;
    const net = netOf(golden);
    const tensors = (from: Readonly<Record<string, Listed>>) => mapped(from, given);
    const args = {
      parameters: recurrentFromPyTorch(tensors(golden.parameters)),
      x: given(golden.x),
      initial: golden.initial && tensors(golden.initial),
    };
    const run = ({ parameters, x, initial }: typeof args) =>
      apply(net, parameters, () => {
        const options = {
          ...(initial && { initial: initial as Record<"h" | "c", Tensor> }),
          ...(golden.lengths && { lengths: golden.lengths }),
        };
        return net.run(x, options);
      });
    const { outputs, final } = run(args);
    await matches(outputs, golden.outputs, "outputs");
    for (const [part, expected] of Object.entries(golden.final)) {
      await matches(final[part as "h"], expected, `final ${part}`);
    }
    const loss = (all: typeof args): Tensor => {
      const ran = run(all);
      const finals = Object.keys(golden.final).map((part) => weighed(ran.final[part as "h"]));
      return finals.reduce((sum, each) => sum.add(each), weighed(ran.outputs));
    };
    const gradients = jit((all: typeof args) => grad(loss)(all))(args);
    await matches(gradients.x, golden.gradients.x as Listed, "gradient of x");
    for (const [part, g] of Object.entries(gradients.initial ?? {})) {
      await matches(g, golden.gradients[`initial.${part}`] as Listed, `gradient of initial ${part}`);
    }
    const names = Object.keys(golden.parameters);
    const paths = Object.keys(recurrentFromPyTorch(mapped(golden.parameters, given)));
    for (const [i, path] of paths.entries()) {
      const g = (gradients.parameters as Tensors)[path] as Tensor;
      const own = g.ndim === 2 ? g.transpose() : g;
      await matches(own, golden.gradients[names[i] as string] as Listed, `gradient of ${path}`);
    }
  });
});

const numbers = (seed: number, shape: readonly number[]): Tensor =>
  random.normal(random.key(seed), [...shape]);

describe("what must hold", () => {
  const shape = fc.record({
    kind: fc.constantFrom("rnn" as const, "lstm" as const, "gru" as const),
    batch: fc.integer({ min: 1, max: 3 }),
    time: fc.integer({ min: 1, max: 6 }),
    inputs: fc.integer({ min: 1, max: 4 }),
    hidden: fc.integer({ min: 1, max: 5 }),
    seed: fc.nat({ max: 1000 }),
  });
  const make = (
    {
      kind,
      inputs,
      hidden,
      seed,
    }: { kind: keyof typeof kinds; inputs: number; hidden: number; seed: number },
    bidirectional = false,
    layers = 1,
  ) => new kinds[kind](inputs, hidden, { bidirectional, layers }).init(seed) as Net;
  const property = <T>(arbitrary: fc.Arbitrary<T>, hold: (value: T) => Promise<void>) =>
    fc.assert(fc.asyncProperty(arbitrary, hold), { numRuns: 12, seed: 7 });

  test("both directions are one and one over the reversed sequence", () =>
    property(shape, async (size) => {
      const both = make(size, true);
      const x = numbers(size.seed + 1, [size.batch, size.time, size.inputs]);
      const { outputs, final } = both.run(x);
      const parts = both.parameters();
      const direction = (name: string) =>
        make(size).load(
          Object.fromEntries(
            Object.entries(parts).flatMap(([path, value]) =>
              path.startsWith(`layers/0/${name}/`) ? [[path.replace(name, "forward"), value]] : [],
            ),
          ),
        );
      const forward = direction("forward").run(x);
      const backward = direction("backward").run(x.flip(1));
      await expectClose(outputs, concat([forward.outputs, backward.outputs.flip(1)], -1));
      await expectClose(final.h, concat([forward.final.h, backward.final.h], 0));
    }));

  test("padding says nothing: neither outputs nor states nor gradients depend on it", () =>
    property(
      fc.tuple(shape, fc.array(fc.nat({ max: 6 }), { minLength: 3, maxLength: 3 })),
      async ([size, wanted]) => {
        const net = make(size, true, 2);
        const lengths = wanted.slice(0, size.batch).map((length) => Math.min(length, size.time));
        const x = numbers(size.seed + 1, [size.batch, size.time, size.inputs]);
        const of = (at: Tensor) => {
          const { outputs, final } = net.run(at, { lengths });
          return {
            outputs,
            h: final.h,
            gradient: grad((y: Tensor) => weighed(net.run(y, { lengths }).outputs))(at),
          };
        };
        const there = tensor(
          lengths.flatMap((length) => Array.from({ length: size.time }, (_, t) => +(t < length))),
          {
            shape: [size.batch, size.time, 1],
          },
        );
        const one = of(x);
        const other = of(x.mul(there).add(there.sub(1).mul(1e3)));
        expect(await other.outputs.data()).toEqual(await one.outputs.data());
        expect(await other.h.data()).toEqual(await one.h.data());
        expect(await other.gradient.data()).toEqual(await one.gradient.data());
        expect(await one.outputs.mul(there.sub(1)).abs().sum().item()).toBe(0);
        // Each sequence for itself, cut to its length, comes to the same.
        for (const [i, length] of lengths.entries()) {
          if (length === 0) continue;
          const alone = net.run(x.slice([i, i + 1], [0, length]));
          await expectClose(one.outputs.slice([i, i + 1], [0, length]), alone.outputs);
          await expectClose(one.h.slice([], [i, i + 1]), alone.final.h);
        }
      },
    ));

  test("a mask of the same steps is the same as lengths, and padding may come first", () =>
    property(shape, async (size) => {
      const net = make(size);
      const x = numbers(size.seed + 1, [size.batch, size.time, size.inputs]);
      const before = zeros([size.batch, 2, size.inputs]).add(9);
      const mask = concat([zeros([size.batch, 2]), zeros([size.batch, size.time]).add(1)], 1).gt(0);
      const late = net.run(concat([before, x], 1), { mask });
      const { outputs, final } = net.run(x);
      await expectClose(late.outputs.slice([], [2]), outputs);
      await expectClose(late.final.h, final.h);
    }));

  test("going on from a state is as never having stopped", () =>
    property(shape, async (size) => {
      const net = make(size, false, 2);
      const x = numbers(size.seed + 1, [size.batch, size.time + 1, size.inputs]);
      const [first, second] = [x.slice([], [0, 1]), x.slice([], [1])];
      const start = net.run(first);
      const rest = net.run(second, { initial: start.final });
      const whole = net.run(x);
      await expectClose(concat([start.outputs, rest.outputs], 1), whole.outputs);
      for (const name of Object.keys(whole.final) as ("h" | "c")[]) {
        await expectClose(rest.final[name], whole.final[name]);
      }
    }));
});

describe("cells", () => {
  test.each([
    ["RNN", new RNN(3, 4), new RNNCell(3, 4)],
    ["LSTM", new LSTM(3, 4), new LSTMCell(3, 4)],
    ["GRU", new GRU(3, 4), new GRUCell(3, 4)],
  ] as [string, Net, RecurrentCell<"h" | "c">][])("%s is its cell, step by step", async (_, net, cell) => {
    net.init(1);
    cell.load(
      Object.fromEntries(
        Object.entries(net.parameters()).map(([path, value]) => [
          path.replace("layers/0/forward/", ""),
          value,
        ]),
      ),
    );
    const x = numbers(3, [2, 5, 3]);
    let state = cell.initial(2);
    for (let t = 0; t < 5; t++) state = cell.next(x.index([], t), state);
    const { outputs, final } = net.run(x);
    await expectClose(state.h, final.h.index(0));
    await expectClose(cell.forward(x.index([], 0)), outputs.index([], 0));
  });
});

describe("outputs and dropout", () => {
  test("returnSequences: false gives what each direction came to", async () => {
    const options = { bidirectional: true, layers: 2 };
    const last = new GRU(3, 4, { ...options, returnSequences: false }).init(2);
    const all = new GRU(3, 4, options).init(2);
    const x = numbers(4, [2, 5, 3]);
    const outputs = all.forward(x);
    expect(last.forward(x).shape).toEqual([2, 8]);
    // The backward direction ends at the first step.
    await expectClose(
      last.forward(x),
      concat([outputs.index([], -1, [0, 4]), outputs.index([], 0, [4])], -1),
    );
  });

  test("dropout works between layers only, and only while training", async () => {
    const x = numbers(5, [2, 4, 3]);
    const train = () => context({ train: true, key: 3 });
    const one = new LSTM(3, 4, { dropout: 0.5 }).init(0);
    expect(await one.forward(x, train()).data()).toEqual(await one.forward(x).data());
    const two = new LSTM(3, 4, { dropout: 0.5, layers: 2 }).init(0);
    expect(await two.forward(x, train()).data()).not.toEqual(await two.forward(x).data());
    expect(await two.forward(x, train()).data()).toEqual(await two.forward(x, train()).data());
    expect(() => two.forward(x, context({ train: true }))).toThrow(
      "Dropout dropouts/0: a random key must be given",
    );
  });
});

describe("errors", () => {
  const net = new LSTM(3, 4, { layers: 2 }).init(0);
  const x = zeros([2, 5, 3]);
  test.each([
    [() => net.forward(zeros([2, 3])), "LSTM: input must be [batch, time, 3]; got f32[2,3]."],
    [() => net.run(x, { lengths: [1, 2, 3] }), "LSTM: lengths must be [2], one per sequence; got [3]."],
    [() => net.run(x, { lengths: [1, 6] }), "LSTM: lengths must be whole numbers in [0, 5]; got 6 at [1]."],
    [() => net.run(x, { lengths: zeros([2]) }), "LSTM: lengths must be i32; got f32[2]."],
    [() => net.run(x, { mask: zeros([5, 2]) }), "LSTM: mask must be [2,5] as the input; got f32[5,2]."],
    [() => net.run(x, { mask: zeros([2, 5]) }), "LSTM: mask must be bool; got f32[2,5]."],
    [
      () => net.run(x, { mask: zeros([2, 5], "bool"), lengths: [1, 1] }),
      "LSTM: lengths or mask must be given, not both.",
    ],
    [
      () => net.run(x, { initial: { h: zeros([2, 2, 4]), c: zeros([1, 2, 4]) } }),
      "LSTM: initial c must be f32[2,2,4]; got f32[1,2,4].",
    ],
    [() => new GRU(0, 4), "GRUCell: sizes must be positive integers; got 0 and 4."],
    [() => new LSTM(3, 4, { layers: 0 }), "LSTM: layers must be a positive integer; got 0."],
    [
      () => new RNN(3, 4, { nonlinearity: "sigmoid" as "tanh" }),
      'RNNCell: nonlinearity must be "tanh" or "relu"; got "sigmoid".',
    ],
    [() => new GRUCell(3, 4).forward(zeros([2, 4])), "GRUCell: input must be [batch, 3]; got f32[2,4]."],
    [
      () => recurrentFromPyTorch({ weight_l0: x }),
      'recurrentFromPyTorch: names must be as weight_ih_l0 or bias_hh_l1_reverse; got "weight_l0".',
    ],
  ])("%#", (call, message) => {
    expect(call).toThrow(message);
  });
});
