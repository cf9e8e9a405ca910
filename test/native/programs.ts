/**
 * Writes encoded programs with their inputs for the native test program (native/test/programs.test.cpp), which runs them under sanitizers:
 * cases of the sweep, random fused kernels and whole training steps. Run: tsx test/native/programs.ts <file>.
 */
import { writeFileSync } from "node:fs";
import { jit, random, setDefaultDevice, type Tensor, tensor, valueAndGrad, zeros } from "nabla";
import {
  apply,
  context,
  crossEntropy,
  dropout,
  GRU,
  Linear,
  LSTM,
  relu,
  Sequential,
  type Tensors,
} from "nabla/nn";
import { adam, applyUpdates, chain, clipByGlobalNorm, soap } from "nabla/optim";
import { cases, type Sizes } from "../../scripts/catalogue/cases.ts";
import { signatureOf } from "../../scripts/catalogue/signature.ts";
import { composites } from "../../src/engine/backend/cpu/composites.ts";
import { encode, programsOf } from "../../src/engine/backend/cpu/encode.ts";
import { compile } from "../../src/engine/compile/index.ts";
import { type Capabilities, dtypes, type Plan } from "../../src/engine/ir/index.ts";
import { encodeElements } from "../../src/engine/ops/index.ts";
import { getDevice } from "../../src/engine/runtime/index.ts";
import { sizeOf } from "../../src/util/index.ts";
import { attentionPlan, forms } from "../engine/backend/cpu/attentions.ts";
import { randomKernel } from "../engine/backend/cpu/random-kernels.ts";
import { paramsOf } from "../sweep/case.ts";
import { casesOf, sweptOps } from "../sweep/cases/index.ts";

const caps: Capabilities = { composites: new Set(), maxBuffersPerKernel: 64, segments: true };

/** Little-endian words, one record after the other; bytes are padded to words. */
class Writer {
  readonly #parts: Uint8Array[] = [];
  programs = 0;

  #int(value: number): void {
    this.#parts.push(new Uint8Array(Int32Array.of(value).buffer));
  }
  #bytes(bytes: Uint8Array): void {
    this.#int(bytes.byteLength);
    this.#parts.push(bytes, new Uint8Array((4 - (bytes.byteLength % 4)) % 4));
  }
  add(name: string, plan: Plan, inputs: readonly Uint8Array[], scalars: readonly number[]): void {
    const { program, constants } = encode(plan);
    this.#bytes(new TextEncoder().encode(name));
    this.#bytes(new Uint8Array(program.buffer, program.byteOffset, program.byteLength));
    this.#bytes(constants);
    this.#bytes(new Uint8Array(Float64Array.from(scalars).buffer));
    this.#int(inputs.length);
    inputs.forEach((bytes, i) => {
      this.#int(dtypes.indexOf(plan.inputs[i]?.dtype ?? "f32"));
      this.#bytes(bytes);
    });
    this.#int(plan.outputs.length);
    for (const { aval } of plan.outputs) this.#int(dtypes.indexOf(aval.dtype));
    this.programs++;
  }
  save(file: string): void {
    writeFileSync(file, Buffer.concat([new Uint8Array(Int32Array.of(this.programs).buffer), ...this.#parts]));
  }
}

/** At most `most` of a list, evenly spread. */
const some = <T>(list: readonly T[], most: number): T[] =>
  list.filter(
    (_, i) =>
      Math.floor((i * most) / list.length) !== Math.floor(((i - 1) * most) / list.length) ||
      list.length <= most,
  );

function addSweep(writer: Writer): void {
  for (const op of sweptOps) {
    for (const { name, inputs, build } of some(casesOf[op](), 12)) {
      const params = paramsOf(inputs);
      const outputs = build(params);
      const plan = compile({ inputs: params, outputs, donated: params.map(() => false) }, caps);
      writer.add(
        name,
        plan,
        inputs.map(({ bytes }) => bytes),
        [],
      );
    }
  }
}

function addAttention(writer: Writer): void {
  for (const form of forms) {
    const { plan } = attentionPlan(form, { ...caps, composites });
    const inputs = plan.inputs.map(({ shape, dtype }, i) => {
      const values = Array.from({ length: sizeOf(shape) }, (_, at) => Math.sin(at * (i + 1)));
      return encodeElements(values, dtype);
    });
    writer.add(`attention, ${form.name}`, plan, inputs, []);
  }
}

function addKernels(writer: Writer): void {
  for (let seed = 1000; seed < 1060; seed++) {
    for (const rows of [false, true]) {
      const { plan, inputs, what } = randomKernel(seed, rows);
      writer.add(
        what,
        plan,
        plan.inputs.map(({ dtype }, i) => encodeElements(inputs[i] as Float64Array, dtype)),
        [],
      );
    }
  }
}

/** Sizes at which kernels of the catalogue end inside vectors, lines and chunks. */
const oddSizes: readonly Sizes[] = [
  {
    map: [5, 39],
    rows: 3,
    lengths: [101, 255, 301, 4099],
    weight: [19, 23],
    batch: 21,
    net: [13, 37, 21, 19, 301],
  },
  { map: [2, 3], rows: 1, lengths: [97, 257], weight: [2, 3], batch: 2, net: [3, 17, 18, 16, 259] },
];

/** Programs the library makes for which the catalogue may have a kernel, each form once. */
function addCatalogue(writer: Writer): void {
  for (const [i, sizes] of oddSizes.entries()) {
    const known = new Set<string>();
    for (const { name, plan } of cases(sizes)) {
      const forms = programsOf(plan).flatMap((program) => signatureOf(program)?.words.join() ?? []);
      if (forms.every((form) => known.has(form))) continue;
      for (const form of forms) known.add(form);
      const inputs = plan.inputs.map(({ dtype, shape }) => {
        const values = Float64Array.from(
          { length: sizeOf(shape) },
          (_, at) => ((at * 37 + 11 * i) % 101) / 25 - 1,
        );
        return encodeElements(
          dtype === "f32" ? values : values.map((x) => Math.max(0, Math.floor(x))),
          dtype,
        );
      });
      writer.add(`catalogue ${i} ${name}`, plan, inputs, []);
    }
  }
}

/** Plans the runtime makes while `body` runs, with what it gave them. */
async function record(writer: Writer, name: string, body: () => Promise<void>): Promise<void> {
  const { backend } = getDevice("reference");
  const { run } = backend;
  const runs: Promise<void>[] = [];
  Object.assign(backend, { caps });
  const known = new Set<Plan>();
  backend.run = (exe, inputs, outputs, scalars) => {
    const { plan } = exe;
    if (!known.has(plan) && plan.steps.length > 3) {
      known.add(plan);
      // The reference device reads at once: what is read here is what the run is given.
      const given = Promise.all(inputs.map((id, i) => backend.read(id, 0, byteLength(plan, i))));
      runs.push(given.then((bytes) => writer.add(`${name} ${known.size}`, plan, bytes, scalars)));
    }
    run.call(backend, exe, inputs, outputs, scalars);
  };
  await body();
  await Promise.all(runs);
  Object.assign(backend, { run });
}

function byteLength(plan: Plan, input: number): number {
  const buffer = plan.buffers.find(({ place }) => place.in === "input" && place.index === input);
  return buffer?.bytes ?? 0;
}

/** Two steps of a classifier on 8x8 images with dropout, clipping and Adam. */
async function trainClassifier(): Promise<void> {
  const model = new Sequential(
    new Linear(64, 48),
    relu,
    dropout(0.2),
    new Linear(48, 32),
    relu,
    new Linear(32, 10),
  ).init(0);
  const optimizer = chain(clipByGlobalNorm(1), adam(1e-3));
  const x = random.normal(random.key(1), [96, 64]);
  const labels = tensor(
    Int32Array.from({ length: 96 }, (_, i) => (i * 7) % 10),
    { dtype: "i32" },
  );
  const order = random.permutation(random.key(2), 96);
  const params = model.parameters();
  const lossOf = (at: Tensors, batch: Tensor, y: Tensor): Tensor =>
    apply(model, at, () =>
      crossEntropy(model.forward(batch, context({ train: true, key: random.key(3) })), y),
    );
  const step = jit(
    (state: { params: Tensors; optimizer: ReturnType<typeof optimizer.init>; cursor: Tensor }) => {
      const at = order.take(
        state.cursor.add(
          tensor(
            Int32Array.from({ length: 32 }, (_, i) => i),
            { dtype: "i32" },
          ),
        ),
        0,
      );
      const [loss, grads] = valueAndGrad((p: Tensors) => lossOf(p, x.take(at, 0), labels.take(at, 0)))(
        state.params,
      );
      const [updates, next] = optimizer.update(grads, state.optimizer, state.params);
      return [
        { params: applyUpdates(state.params, updates), optimizer: next, cursor: state.cursor.add(32) },
        loss,
      ] as const;
    },
    { donate: [0] },
  );
  let state = { params, optimizer: optimizer.init(params), cursor: zeros([], "i32") };
  for (let i = 0; i < 2; i++) {
    const [next, loss] = step(state);
    await loss.item();
    state = { ...state, ...next };
  }
}

/** The gradient of a recurrent net: loops whose rows go to the threads. */
async function trainRecurrent(): Promise<void> {
  for (const model of [
    new LSTM(6, 20, { returnSequences: false }),
    new GRU(5, 17, { bidirectional: true }),
  ]) {
    const gradient = jit((params: Tensors, x: Tensor) =>
      valueAndGrad((p: Tensors) =>
        apply(model, p, () =>
          model
            .forward(x, context(), { lengths: [5, 3, 0, 5, 4, 1, 5, 2, 5, 5, 1] })
            .square()
            .sum(),
        ),
      )(params),
    );
    const [value] = gradient(model.init(0).parameters(), random.normal(random.key(4), [11, 5, model.inputs]));
    await value.item();
  }
}

/** Steps of SOAP: branches that are due now and then, with loops and branches in them. */
async function trainMatrices(): Promise<void> {
  const optimizer = soap(0.01, { every: 2 });
  const step = jit((params: Tensors, state: ReturnType<typeof optimizer.init>, grads: Tensors) => {
    const [updates, next] = optimizer.update(grads, state, params);
    return { params: applyUpdates(params, updates), state: next };
  });
  let params: Tensors = { w: random.normal(random.key(5), [12, 5]) };
  let state = optimizer.init(params);
  for (let i = 0; i < 3; i++) {
    ({ params, state } = step(params, state, { w: random.normal(random.key(i), [12, 5]) }));
    await (params.w as Tensor).data();
  }
}

const file = process.argv[2];
if (file === undefined) throw new Error("programs: needs the file to write");
setDefaultDevice("reference");
const writer = new Writer();
addSweep(writer);
addKernels(writer);
addAttention(writer);
addCatalogue(writer);
await record(writer, "training step", trainClassifier);
await record(writer, "recurrent", trainRecurrent);
await record(writer, "soap", trainMatrices);
writer.save(file);
console.log(`${writer.programs} programs in ${file}`);
