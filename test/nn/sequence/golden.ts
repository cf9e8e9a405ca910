/** Tensors of another library's results, and comparing with them. */
import { readFileSync } from "node:fs";
import { type Tensor, tensor } from "nabla";
import { expect } from "vitest";

export interface Listed {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export const readGolden = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`./goldens/${name}.json`, import.meta.url), "utf8")) as T;

export const given = ({ shape, data }: Listed): Tensor => tensor([...data], { shape: [...shape] });

/** What outputs are weighed with in a loss: sin 1, sin 2, ... in their shape. */
export const weighed = (x: Tensor): Tensor => {
  const factors = Float32Array.from({ length: x.size }, (_, i) => Math.sin(i + 1));
  return x.mul(tensor(factors, { shape: x.shape })).sum();
};

/** Equal to 1e-5 of the tensor's largest value; `terms` where it is a sum of such that cancel. */
export async function matches(actual: Tensor, expected: Listed, what: string, terms = 1e-6): Promise<void> {
  expect(actual.shape, what).toEqual(expected.shape);
  const got = await actual.data();
  const largest = Math.max(terms, ...expected.data.map(Math.abs));
  expected.data.forEach((value, i) => {
    const error = Math.abs((got[i] as number) - value);
    expect(error, `${what} ${i}: ${got[i]} for ${value}`).toBeLessThanOrEqual(1e-5 * largest);
  });
}
