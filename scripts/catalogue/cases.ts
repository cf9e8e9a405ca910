/** What the catalogue is traced from: the library's own optimizers, layers, losses and row functions, as users combine them. */
import {
  grad,
  jit,
  logSoftmax,
  logsumexp,
  maximum,
  random,
  setDefaultDevice,
  softmax,
  type Tensor,
  valueAndGrad,
  zeros,
} from "nabla";
import * as nn from "nabla/nn";
import * as optim from "nabla/optim";
import type { Plan } from "../../src/engine/ir/index.ts";

export interface Case {
  readonly name: string;
  readonly plan: Plan;
}

/** Kernels do not depend on sizes as long as plans keep their form: the catalogue is traced at some, its tests run it at others. */
export interface Sizes {
  /** Of maps: [rows, columns]. */
  readonly map: readonly [number, number];
  readonly rows: number;
  /** Short (at most 256) and long. */
  readonly lengths: readonly number[];
  readonly weight: readonly [number, number];
  readonly batch: number;
  /** Of a network: input, hidden, second hidden layer, classes, many classes. */
  readonly net: readonly [number, number, number, number, number];
}

export const usualSizes: Sizes = {
  map: [1000, 30],
  rows: 90,
  lengths: [140, 700],
  weight: [300, 70],
  batch: 96,
  net: [200, 72, 40, 10, 300],
};

const { adam, adamW, applyUpdates, chain, clipByGlobalNorm, clipByValue, ema, lion, rmsprop, sgd } = optim;

const optimizers: Record<string, optim.Optimizer> = {
  sgd: sgd(0.1),
  "sgd decay": sgd(0.1, { weightDecay: 1e-4 }),
  momentum: sgd(0.1, { momentum: 0.9 }),
  nesterov: sgd(0.1, { momentum: 0.9, nesterov: true }),
  "momentum decay": sgd(0.1, { momentum: 0.9, weightDecay: 1e-4 }),
  "nesterov decay": sgd(0.1, { momentum: 0.9, nesterov: true, weightDecay: 1e-4 }),
  rmsprop: rmsprop(0.01),
  "rmsprop centered": rmsprop(0.01, { centered: true }),
  "rmsprop momentum": rmsprop(0.01, { momentum: 0.9 }),
  adam: adam(1e-3),
  amsgrad: adam(1e-3, { amsgrad: true }),
  adamW: adamW(1e-3),
  lion: lion(1e-4),
};

/** Those whose updates alone get kernels: inside whole steps they are too rare. */
const rarer: Record<string, optim.Optimizer> = {
  adagrad: optim.adagrad(0.01),
  adadelta: optim.adadelta(1),
  adamax: optim.adamax(2e-3),
  nadam: optim.nadam(2e-3),
  radam: optim.radam(1e-3),
  "momentum ema": ema(sgd(0.1, { momentum: 0.9 })),
  "adam ema": ema(adam(1e-3)),
  "adam clip norm ema": ema(chain(clipByGlobalNorm(1), adam(1e-3))),
  "adamW ema": ema(adamW(1e-3)),
  "adamW clip norm ema": ema(chain(clipByGlobalNorm(1), adamW(1e-3))),
};

const links: Record<string, (optimizer: optim.Optimizer) => optim.Optimizer> = {
  "": (optimizer) => optimizer,
  " clip norm": (optimizer) => chain(clipByGlobalNorm(1), optimizer),
  " clip value": (optimizer) => chain(clipByValue(1), optimizer),
};

const activations: Record<string, (x: Tensor) => Tensor> = {
  identity: (x) => x,
  relu: nn.relu,
  tanh: nn.tanh,
  sigmoid: nn.sigmoid,
  gelu: nn.gelu,
  "gelu tanh": nn.geluTanh,
  silu: nn.silu,
  elu: nn.elu,
  "leaky relu": (x) => nn.leakyRelu(x),
  softplus: nn.softplus,
  mish: nn.mish,
  selu: nn.selu,
};

/** Worth a kernel of their own also after the usual affine. */
const common: ReadonlySet<string> = new Set([
  "identity",
  "relu",
  "tanh",
  "sigmoid",
  "gelu",
  "gelu tanh",
  "silu",
]);

const f32 = (...shape: number[]): Tensor => zeros(shape);
const i32 = (...shape: number[]): Tensor => zeros(shape, "i32");

// biome-ignore lint/suspicious/noExplicitAny: any function over trees can be traced
type Traced = (...args: any[]) => unknown;

function* trace(
  name: string,
  fn: Traced,
  args: readonly unknown[],
  donate: readonly number[] = [],
): Generator<Case> {
  yield { name, plan: jit(fn, { donate }).planFor(...args) };
}

/** One update of two parameters, their gradients given. */
function* updates(sizes: Sizes): Generator<Case> {
  for (const [name, plain] of Object.entries(optimizers)) {
    for (const [link, wrap] of Object.entries(links)) yield* update(`${name}${link}`, wrap(plain), sizes);
  }
  for (const [name, optimizer] of Object.entries(rarer)) yield* update(name, optimizer, sizes);
}

function* update(name: string, optimizer: optim.Optimizer, { weight }: Sizes): Generator<Case> {
  const params = { weight: f32(...weight), bias: f32(weight[1]) };
  type Params = typeof params;
  const step = ({ params, state }: { params: Params; state: optim.State }, grads: Params) => {
    const [steps, next] = optimizer.update(grads, state, params);
    return [{ params: applyUpdates(params, steps), state: next }];
  };
  yield* trace(name, step, [{ params, state: optimizer.init(params) }, params], [0]);
}

type Targets = "classes" | "values" | "bits";
const losses: Record<Targets, (logits: Tensor, targets: Tensor) => Tensor> = {
  classes: nn.crossEntropy,
  values: nn.mse,
  bits: nn.bceWithLogits,
};

/** A whole step of training: forward, loss, gradients, update. */
function* trainingStep(
  name: string,
  layers: nn.Layer[],
  targets: Targets,
  optimizer: optim.Optimizer,
  { batch, net }: Sizes,
): Generator<Case> {
  const model = new nn.Sequential(...layers).init(0);
  const params = model.parameters();
  const loss = (at: nn.Tensors, x: Tensor, y: Tensor, key: Tensor): Tensor =>
    nn.apply(model, at, () => losses[targets](model.forward(x, nn.context({ train: true, key })), y));
  const step = (state: { params: nn.Tensors; memory: optim.State }, x: Tensor, y: Tensor, key: Tensor) => {
    const [value, grads] = valueAndGrad((at: nn.Tensors) => loss(at, x, y, key))(state.params);
    const [updates, memory] = optimizer.update(grads, state.memory, state.params);
    return [{ params: applyUpdates(state.params, updates), memory }, value];
  };
  const x = f32(batch, net[0]);
  const y = targets === "classes" ? i32(batch) : zeros(model.forward(x).shape);
  const args = [{ params, memory: optimizer.init(params) }, x, y, random.key(0)];
  yield* trace(name, step, args, [0]);
}

function* training(sizes: Sizes): Generator<Case> {
  const { Linear, dropout } = nn;
  const [input, hidden, second, classes, many] = sizes.net;
  for (const [name, activation] of Object.entries(activations)) {
    const layers = () => [
      new Linear(input, hidden),
      activation,
      new Linear(hidden, second),
      activation,
      new Linear(second, classes),
    ];
    yield* trainingStep(`${name} net`, layers(), "classes", adam(1e-3), sizes);
    yield* trainingStep(`${name} net`, layers(), "values", sgd(0.1), sizes);
  }
  for (const name of ["relu", "gelu", "tanh"]) {
    const activation = activations[name] as (x: Tensor) => Tensor;
    const layers = [new Linear(input, hidden), activation, dropout(0.2), new Linear(hidden, classes)];
    yield* trainingStep(`${name} dropout net`, layers, "classes", adamW(1e-3), sizes);
  }
  for (const [name, plain] of Object.entries(optimizers)) {
    for (const [link, wrap] of Object.entries(links)) {
      for (const [targets, width] of [
        ["classes", many],
        ["values", 1],
        ["bits", 1],
      ] as const) {
        const layers = [new Linear(input, hidden), nn.relu, new Linear(hidden, width)];
        yield* trainingStep(`${name}${link} ${targets}`, layers, targets, wrap(plain), sizes);
      }
    }
  }
}

/** The gates of recurrent layers and their gradients, as they stand in a loop's body. */
function* recurrent({ batch, net }: Sizes): Generator<Case> {
  const [input, hidden] = net;
  const x = f32(batch, 5, input);
  const makers: Record<string, (returnSequences: boolean) => nn.Module> = {
    rnn: (returnSequences) => new nn.RNN(input, hidden, { returnSequences }),
    lstm: (returnSequences) => new nn.LSTM(input, hidden, { returnSequences }),
    gru: (returnSequences) => new nn.GRU(input, hidden, { returnSequences }),
  };
  for (const [name, make] of Object.entries(makers)) {
    for (const returnSequences of [false, true]) {
      const layer = make(returnSequences).init(0);
      const run = (at: nn.Tensors, x: Tensor) =>
        nn.apply(layer, at, () => layer.forward(x, nn.context({ train: true })));
      yield* trace(`${name} gates`, run, [layer.parameters(), x]);
      const sum = (at: nn.Tensors, x: Tensor) => run(at, x).sum();
      yield* trace(`${name} gates in training`, valueAndGrad(sum), [layer.parameters(), x]);
    }
  }
}

/** Elementwise functions of one tensor, with the usual affine before them, and their gradients. */
function* maps({ map }: Sizes): Generator<Case> {
  const x = f32(...map);
  const row = f32(map[1]);
  for (const [name, f] of Object.entries(activations)) {
    yield* trace(name, (x: Tensor) => f(x), [x]);
    if (common.has(name)) yield* trace(`${name} of affine`, (x: Tensor) => f(x.mul(1.1).add(0.3)), [x]);
    yield* trace(`${name} of sum`, (x: Tensor, b: Tensor) => f(x.add(b)), [x, x]);
    yield* trace(`${name} of bias`, (x: Tensor, b: Tensor) => f(x.add(b)), [x, row]);
    yield* trace(
      `${name} gradient`,
      (x: Tensor, y: Tensor) => valueAndGrad((x: Tensor) => f(x).mul(y).sum())(x)[1],
      [x, x],
    );
  }
  yield* trace("affine", (x: Tensor) => x.mul(2).add(1), [x]);
  yield* trace("scale and shift", (x: Tensor, a: Tensor, b: Tensor) => x.mul(a).add(b), [x, row, row]);
  yield* trace("standardise", (x: Tensor, a: Tensor, b: Tensor) => x.sub(a).div(b), [x, row, row]);
  yield* trace("standardise scaled", (x: Tensor, a: Tensor, b: Tensor) => x.sub(a).mul(b), [x, row, row]);
  yield* trace("copy", (x: Tensor) => x.permute([1, 0, 2]), [f32(3, ...map)]);
  yield* trace("bytes", (x: Tensor) => x.astype("f32").div(255), [zeros(map, "u8")]);
  for (const [name, op] of Object.entries({
    add: (a: Tensor, b: Tensor) => a.add(b),
    sub: (a: Tensor, b: Tensor) => a.sub(b),
    mul: (a: Tensor, b: Tensor) => a.mul(b),
    div: (a: Tensor, b: Tensor) => a.div(b),
    max: (a: Tensor, b: Tensor) => maximum(a, b),
    lerp: (a: Tensor, b: Tensor) => a.mul(0.9).add(b.mul(0.1)),
    triad: (a: Tensor, b: Tensor) => a.mul(2).add(b),
  })) {
    yield* trace(name, op, [x, x]);
    yield* trace(`${name} scalar`, op, [x, f32()]);
  }
}

/** Functions of rows, short and long. */
function* rows({ rows, lengths }: Sizes): Generator<Case> {
  for (const length of lengths) {
    const x = f32(rows, length);
    const row = f32(length);
    const normal = (x: Tensor): Tensor => {
      const centred = x.sub(x.mean(-1, { keepDims: true }));
      return centred.mul(centred.square().mean(-1, { keepDims: true }).add(1e-5).rsqrt());
    };
    const rms = (x: Tensor): Tensor => x.mul(x.square().mean(-1, { keepDims: true }).add(1e-6).rsqrt());
    const functions: Record<string, (x: Tensor) => Tensor> = {
      softmax: (x) => softmax(x, -1),
      "log softmax": (x) => logSoftmax(x, -1),
      "softmax of scaled": (x) => softmax(x.mul(0.125), -1),
      normalise: normal,
      "root mean square norm": rms,
    };
    for (const [name, f] of Object.entries(functions)) {
      yield* trace(name, f, [x]);
      yield* trace(
        `${name} gradient`,
        (x: Tensor, y: Tensor) => valueAndGrad((x: Tensor) => f(x).mul(y).sum())(x)[1],
        [x, x],
      );
    }
    yield* trace("layer norm", (x: Tensor, w: Tensor, b: Tensor) => normal(x).mul(w).add(b), [x, row, row]);
    yield* trace("rms norm", (x: Tensor, w: Tensor) => rms(x).mul(w), [x, row]);
    yield* trace("log sum exp", (x: Tensor) => logsumexp(x, -1), [x]);
    for (const [name, f] of Object.entries({
      sum: (x: Tensor) => x.sum(-1),
      mean: (x: Tensor) => x.mean(-1),
      max: (x: Tensor) => x.max(-1),
      "sum of squares": (x: Tensor) => x.square().sum(-1),
    }))
      yield* trace(`row ${name}`, f, [x]);
    const labels = i32(rows);
    for (const labelSmoothing of [0, 0.1]) {
      const loss = (x: Tensor, y: Tensor) => nn.crossEntropy(x, y, { labelSmoothing });
      yield* trace("cross entropy", loss, [x, labels]);
      yield* trace(
        "cross entropy gradient only",
        (x: Tensor, y: Tensor) => grad((x: Tensor) => loss(x, y))(x),
        [x, labels],
      );
      yield* trace(
        "cross entropy gradient",
        (x: Tensor, y: Tensor) => valueAndGrad((x: Tensor) => loss(x, y))(x),
        [x, labels],
      );
      yield* trace(
        "soft cross entropy gradient",
        (x: Tensor, y: Tensor) => valueAndGrad((x: Tensor) => loss(x, y))(x),
        [x, x],
      );
    }
  }
}

/** Every case, traced on the device that needs no addon. */
export function* cases(sizes: Sizes = usualSizes): Generator<Case> {
  setDefaultDevice("reference");
  yield* maps(sizes);
  yield* rows(sizes);
  yield* updates(sizes);
  yield* training(sizes);
  yield* recurrent(sizes);
}
