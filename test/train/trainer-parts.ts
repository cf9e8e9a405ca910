/** What the tests of the Trainer share: a small problem, a trainer for it, and reading what it has come to. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Dataset, dataset } from "nabla/data";
import { crossEntropy, Linear, relu, Sequential } from "nabla/nn";
import { adam } from "nabla/optim";
import { type Callback, Trainer } from "nabla/train";
import { cpuAvailable } from "../../src/engine/backend/cpu/index.ts";

/** Three classes told apart by four features. */
export function rows(n: number, shift = 0): Dataset {
  const x = Array.from({ length: n }, (_, i) => [
    Math.sin(i + shift),
    Math.cos(2 * i),
    Math.sin(3 * i),
    i % 3,
  ]);
  return dataset({ x, y: Array.from({ length: n }, (_, i) => i % 3) });
}

/** The reference device computes in f64 and rounds only what is read, so that saving changes its bits. */
export const exact = cpuAvailable().ok;

export const network = () => new Sequential(new Linear(4, 8), relu, new Linear(8, 3));

export function make(change: Partial<ConstructorParameters<typeof Trainer>[0]> = {}): Trainer {
  return new Trainer({
    model: network(),
    loss: crossEntropy,
    optimizer: adam(1e-2),
    metrics: ["accuracy"],
    ...change,
  });
}

export async function values(trainer: Trainer): Promise<Record<string, number[]>> {
  const tensors = { ...trainer.model.parameters(), ...trainer.model.buffers() };
  const entries = Object.entries(tensors).map(
    async ([path, t]) => [path, Array.from(await t.data())] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

/** Ends a run after exactly so many steps, as Ctrl-C does. */
export const stopAt = (step: number): Callback => ({
  start: (_, run) => run.breakAt(step),
  stepEnd: ({ position }, run) => {
    if (position.step === step) run.stop("interrupted");
  },
});

/** Keeps the state after `from` steps, and goes back to it once after `at`: all that was done between is done again, to the same bits. */
export function goBackOnce(from: number, at: number): Callback & { gone(): boolean } {
  let gone = false;
  return {
    name: "goBackOnce",
    start: (_, run) => run.breakAt(from === 0 ? at : from),
    batch: async ({ position }, run) => {
      if (position.step === from && !gone) await run.savepoint();
    },
    stepEnd: ({ position }, run) => {
      if (position.step === from) run.breakAt(at);
      if (position.step === at && !gone) gone = run.rollback("once more");
    },
    gone: () => gone,
  };
}

/** The bytes of a checkpoint's state. */
export function stateOf(folder: string): Buffer {
  const name = readdirSync(folder).find((file) => file.endsWith(".safetensors")) as string;
  return readFileSync(join(folder, name));
}
