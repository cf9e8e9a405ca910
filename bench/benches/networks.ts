/** Training of LeNet-5, ResNet-20, a character-level GPT and an LSTM classifier, and the memory a GPT takes for it. */
import { nabla, plain, torch } from "../contestants.ts";
import { firstAnswer } from "../fresh.ts";
import type { Bench, Suite } from "../job.ts";
import { type NetworkName, networks } from "../networks.ts";

function training(name: NetworkName): Bench {
  const { title, unit, perRow, job, floor, contestants } = networks[name];
  const work = job();
  return {
    name: `networks-${name}`,
    title,
    unit,
    perUnit: work.batch * perRow,
    job: work,
    contestants,
    floor,
    // Rounding grows through 20 layers and a large first step.
    ...(name === "resnet20" && { tolerance: 1e-3 }),
  };
}

/** Above what the process holds once libraries are imported and the data is loaded. */
function memory(): Bench {
  const work = networks.gpt.job();
  return {
    name: "networks-gpt-memory",
    title: `Peak memory above the loaded data: ${networks.gpt.title}, 20 steps`,
    unit: "MB",
    lowerIsBetter: true,
    perUnit: 1,
    job: work,
    contestants: () => [
      ...nabla("network_memory", { threads: [2] }).map(plain),
      ...torch("network_memory", { threads: [2] }).filter(({ variant }) => variant === undefined),
    ],
    measure: async (spec, job) => {
      const { answer } = await firstAnswer(spec, job);
      return Number(answer.peak) - Number(answer.base);
    },
  };
}

export const suite: Suite = {
  name: "networks",
  benches: () => [...(Object.keys(networks) as NetworkName[]).map(training), memory()],
};
