/** The small network of goldens/attributions.json, as nabla builds it. */
import { readFileSync } from "node:fs";
import { type Tensor, tensor } from "nabla";
import { Conv2d, Flatten, Linear, relu, Sequential, tanh } from "nabla/nn";
import { expect } from "vitest";

interface Results {
  readonly logits: number[];
  readonly gradient: number[];
  readonly noisy: { readonly deviation: number; readonly mean: number[]; readonly std: number[] };
  readonly gaussLegendre: number[];
  readonly midpoint: number[];
  readonly right: number[];
  readonly difference: number[];
  readonly occlusion: number[];
  readonly occlusionUneven: number[];
  readonly cam: number[];
  readonly camLarge: number[];
  readonly fgsm: number[];
  readonly linf: number[];
  readonly l2: number[];
}

export const golden = JSON.parse(
  readFileSync(new URL("./goldens/attributions.json", import.meta.url), "utf8"),
) as {
  shape: number[];
  x: number[];
  targets: number[];
  weights: Record<string, { shape: number[]; data: number[] }>;
  tanh: Results;
  relu: Results;
};

export const x = (): Tensor => tensor(golden.x, { shape: golden.shape });

/** Two convolutions with an activation after each, and a linear layer. */
export function net(name: "tanh" | "relu"): Sequential {
  const act = { tanh, relu }[name];
  const model = new Sequential(
    new Conv2d(2, 4, 3),
    act,
    new Conv2d(4, 5, 2),
    act,
    new Flatten(),
    new Linear(60, 3),
  );
  const value = (key: string) => {
    const { shape, data } = golden.weights[key] as { shape: number[]; data: number[] };
    return tensor(data, { shape });
  };
  return model.load({
    "layers/0/weight": value("first"),
    "layers/0/bias": value("firstBias"),
    "layers/2/weight": value("second"),
    "layers/2/bias": value("secondBias"),
    "layers/5/weight": value("last"),
    "layers/5/bias": value("lastBias"),
  });
}

/** Every element within `tolerance` of what is expected. */
export async function close(got: Tensor, expected: readonly number[], tolerance: number): Promise<void> {
  const values = await got.data();
  expect(values).toHaveLength(expected.length);
  const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(values[i]))), 0);
  expect(worst).toBeLessThanOrEqual(tolerance);
}
