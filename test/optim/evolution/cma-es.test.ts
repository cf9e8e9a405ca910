import { cmaES } from "nabla/optim";
import { describe, expect, test } from "vitest";
import { drawsOf } from "../../../src/optim/evolution/draws.ts";
import { eigh } from "../../../src/optim/evolution/eigh.ts";
import { golden, off, sphere } from "./shared.ts";

describe("CMA-ES is purecma with the tutorial's constants", () => {
  test.each(Object.entries(golden.cma))("%s", (_, run) => {
    const { start, generations, ...options } = run;
    const search = cmaES(options);
    let state = search.init(start);
    generations.forEach((want, g) => {
      const candidates = want.candidates.map((x) => Float64Array.from(x));
      state = search.tell(state, want.losses, candidates);
      for (const name of ["mean", "pathC", "pathSigma", "covariance"] as const) {
        expect(off(state[name], want[name]), `${name} after generation ${g}`).toBeLessThan(1e-10);
      }
      expect(Math.abs(state.sigma / want.sigma - 1), `sigma after ${g}`).toBeLessThan(1e-10);
    });
    const all = generations.flatMap(({ losses }) => losses);
    expect(search.best(state).loss).toBe(Math.min(...all));
  });

  test("by default a full matrix learns from negative weights, a diagonal does not", () => {
    const learnt = (options: object) => {
      const search = cmaES({ seed: 3, ...options });
      const asked = search.ask(search.init([1, 2, 3]));
      return search.tell(asked.state, asked.candidates.map(sphere)).covariance;
    };
    expect(learnt({})).toEqual(learnt({ active: true }));
    expect(learnt({})).not.toEqual(learnt({ active: false }));
    expect(learnt({ diagonal: true })).toEqual(learnt({ diagonal: true, active: false }));
  });

  test("eigenvectors are renewed only now and then where learning is slow", () => {
    const search = cmaES({ population: 4 });
    let state = search.init(new Float64Array(60).fill(1));
    const renewed: number[] = [];
    for (let i = 0; i < 4; i++) {
      const asked = search.ask(state);
      state = search.tell(asked.state, asked.candidates.map(sphere));
      renewed.push(state.decomposed);
    }
    expect(renewed).toEqual([0, 2, 2, 4]);
  });

  test("candidates of ask have the mean and the covariance of the state", () => {
    const search = cmaES({ population: 20_000, sigma: 2 });
    const c = [4, 1, 1, 2];
    const { values, vectors } = eigh(Float64Array.from(c), 2);
    const state = {
      ...search.init([1, -1]),
      covariance: Float64Array.from(c),
      axes: vectors,
      lengths: values.map(Math.sqrt),
    };
    const { candidates } = search.ask(state);
    const mean = (of: (x: Float64Array) => number) =>
      candidates.reduce((sum, x) => sum + of(x), 0) / candidates.length;
    const centre = [1, -1];
    const at = (x: Float64Array, i: number) => ((x[i] as number) - (centre[i] as number)) / 2;
    expect(Math.abs(mean((x) => at(x, 0)))).toBeLessThan(0.05);
    expect(Math.abs(mean((x) => at(x, 1)))).toBeLessThan(0.05);
    c.forEach((want, i) => {
      expect(Math.abs(mean((x) => at(x, i >> 1) * at(x, i & 1)) - want)).toBeLessThan(0.15);
    });
  });
});

describe("eigh", () => {
  /** The greatest error of A v = value v and of v . v = identity, relative to the matrix. */
  function residual(matrix: Float64Array, n: number): number {
    const { values, vectors } = eigh(matrix, n);
    const norm = Math.max(...matrix.map(Math.abs)) || 1;
    let worst = 0;
    const v = (k: number, j: number) => vectors[k * n + j] as number;
    for (let k = 0; k < n; k++) {
      for (let i = 0; i < n; i++) {
        let image = 0;
        let inner = 0;
        for (let j = 0; j < n; j++) {
          image += (matrix[i * n + j] as number) * v(k, j);
          inner += v(k, j) * v(i, j);
        }
        worst = Math.max(worst, Math.abs(image - (values[k] as number) * v(k, i)) / norm);
        worst = Math.max(worst, Math.abs(inner - (i === k ? 1 : 0)));
      }
    }
    return worst;
  }

  test.each(Object.entries(golden.eigh))("NumPy's values: %s", (_, { matrix, values }) => {
    const n = values.length;
    expect(off(eigh(Float64Array.from(matrix), n).values, values)).toBeLessThan(1e-14);
    expect(residual(Float64Array.from(matrix), n)).toBeLessThan(1e-14 * Math.max(4, n));
  });

  test.each([17, 60])("a random matrix of %i rows", (n) => {
    const draw = drawsOf("test", n).normal(n * n, 0, 0, 0);
    const matrix = draw.map((x, at) => x + (draw[(at % n) * n + Math.floor(at / n)] as number));
    expect(residual(matrix, n)).toBeLessThan(1e-14 * n);
    expect(eigh(matrix, n).values).toEqual(eigh(matrix, n).values.slice().sort());
  });

  test("reads the lower triangle; far ends of the range", () => {
    expect([...eigh(new Float64Array([2, 99, 1, 2]), 2).values]).toEqual([
      ...eigh(new Float64Array([2, 1, 1, 2]), 2).values,
    ]);
    for (const scale of [1e-150, 1e150]) {
      const matrix = new Float64Array([4, 1, 2, 1, 3, 0, 2, 0, 5]);
      const want = [...eigh(matrix, 3).values].map((value) => value * scale);
      expect(
        off(
          eigh(
            matrix.map((x) => x * scale),
            3,
          ).values,
          want,
        ),
      ).toBeLessThan(1e-14);
    }
  });

  test("refuses other shapes and numbers that are not finite", () => {
    expect(() => eigh(new Float64Array(5), 2)).toThrow("a matrix of 2 rows must have 4 numbers; got 5");
    expect(() => eigh(new Float64Array([1, 0, Number.NaN, 1]), 2)).toThrow("finite");
  });
});
