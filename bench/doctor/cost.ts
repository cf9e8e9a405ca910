/**
 * What a look of the doctor costs, beside the steps of the run it is taken in. Run: npx tsx bench/doctor/cost.ts. Noise is measured always,
 * sharpness where noise explains nothing; the first look compiles.
 */
import { random } from "nabla";
import { dataset } from "nabla/data";
import { crossEntropy, Linear, type Module, relu, Sequential } from "nabla/nn";
import { adam, type Optimizer, sgd } from "nabla/optim";
import { type Run, Trainer } from "nabla/train";
import { resnet20 } from "../../examples/resnet20.ts";
import { nextLook } from "../../src/doctor/unrest.ts";

interface Case {
  readonly name: string;
  readonly model: Module;
  readonly shape: readonly number[];
  readonly optimizer: Optimizer;
  readonly batchSize: number;
  /** Before the first look, in which a step is timed. */
  readonly steps: number;
}

const mlp = (...sizes: number[]) =>
  new Sequential(
    ...sizes.slice(1).flatMap((size, i) => [...(i > 0 ? [relu] : []), new Linear(sizes[i] as number, size)]),
  );

const cases: readonly Case[] = [
  {
    name: "784-128-10, batch 32, Adam",
    model: mlp(784, 128, 10),
    shape: [784],
    optimizer: adam(1e-3),
    batchSize: 32,
    steps: 2000,
  },
  {
    name: "784-128-128-10, batch 128, Adam",
    model: mlp(784, 128, 128, 10),
    shape: [784],
    optimizer: adam(1e-3),
    batchSize: 128,
    steps: 1000,
  },
  {
    name: "ResNet-20, 32 x 32 x 3, batch 64, SGD with momentum",
    model: resnet20(),
    shape: [32, 32, 3],
    optimizer: sgd(0.1, { momentum: 0.9 }),
    batchSize: 64,
    steps: 24,
  },
];

/** The step of the doctor's first look. */
const FIRST = nextLook(0);

for (const { name, model, shape, optimizer, batchSize, steps } of cases) {
  const rows = 8 * batchSize;
  const x = (await random.normal(random.key(0), [rows, ...shape]).data()) as Float32Array;
  const data = dataset({
    x: { data: x, shape: [rows, ...shape] },
    y: Array.from({ length: rows }, (_, i) => i % 10),
  });
  const trained: { steps: number; seconds: number }[] = [];
  const looks: { noise: number; sharpness: number }[] = [];
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const start = performance.now();
    await work();
    return (performance.now() - start) / 1000;
  };
  const look = async (run: Run): Promise<void> => {
    const noise = await timed(() => run.gradientNoise());
    looks.push({ noise, sharpness: await timed(() => run.sharpness()) });
  };
  const trainer = new Trainer({
    model,
    loss: crossEntropy,
    optimizer,
    callbacks: [
      {
        start: (_, run) => run.breakAt(steps),
        async stepEnd({ position, rows: taken, seconds }, run) {
          trained.push({ steps: taken / batchSize, seconds });
          if (position.step === steps) for (let i = 0; i < 3; i++) await look(run);
        },
      },
    ],
  });
  await trainer.fit(data, { epochs: Math.ceil(steps / 8), batchSize });
  const calls = trained.slice(trained.length >> 1).map(({ steps, seconds }) => seconds / steps);
  const step = calls.sort((a, b) => a - b)[calls.length >> 1] ?? Number.NaN;
  const share = (seconds: number) =>
    `${seconds.toFixed(3)} s (${(seconds / step).toFixed(0)} steps, ${((100 * seconds) / step / FIRST).toFixed(1)} % of ${FIRST})`;
  const [first, , last] = looks as [(typeof looks)[0], unknown, (typeof looks)[0]];
  console.log(
    [
      `${name}: ${(1000 * step).toPrecision(3)} ms a step`,
      `  first look: noise ${share(first.noise)}, sharpness ${share(first.sharpness)}`,
      `  later looks: noise ${share(last.noise)}, sharpness ${share(last.sharpness)}`,
    ].join("\n"),
  );
}
