/** genetic with noisy losses: elites that are asked for again do not live on a lucky loss. */
import { genetic } from "nabla/optim";
import { expect, test } from "vitest";

test("reevaluate asks for the elites first, whole populations, and takes their new losses", () => {
  const search = genetic({ population: 8, elites: 2, reevaluate: true, seed: 1 });
  let asked = search.ask(search.init([1, 2]));
  expect(asked.candidates).toHaveLength(8);
  let state = search.tell(asked.state, [7, 1, 6, 5, 0, 4, 3, 2]);
  asked = search.ask(state);
  expect(asked.candidates).toHaveLength(8);
  expect(asked.candidates.slice(0, 2)).toEqual(state.population.slice(0, 2));
  // The best of before was lucky: now it is the worst, and the second lives on.
  const second = state.population[1];
  state = search.tell(asked.state, [9, 1, 2, 3, 4, 5, 6, 7]);
  expect(state.population).toHaveLength(8);
  expect(state.population[0]).toEqual(second);
  expect([...state.losses]).toEqual([1, 2, 3, 4, 5, 6, 7, 9]);
});

test("without it elites keep their losses and are not asked for; children are the same", () => {
  const [with_, without] = [true, false].map((reevaluate) => {
    const search = genetic({ population: 8, elites: 2, reevaluate, seed: 1 });
    const { state } = search.ask(search.init([1, 2]));
    return search.ask(search.tell(state, [7, 1, 6, 5, 0, 4, 3, 2])).candidates;
  });
  expect(without).toHaveLength(6);
  expect(with_?.slice(2)).toEqual(without);
});

test("a lucky loss in the first generation does not hold back the search", () => {
  const ends = [true, false].map((reevaluate) => {
    const search = genetic({ population: 24, elites: 2, reevaluate, seed: 3, sigma: (t) => 0.3 * 0.95 ** t });
    let state = search.init([2, -2]);
    for (let generation = 0; generation < 60; generation++) {
      const asked = search.ask(state);
      const losses = asked.candidates.map((x) => x.reduce((sum, value) => sum + value * value, 0));
      if (generation === 0) losses[0] = -100; // the start itself
      state = search.tell(asked.state, losses);
    }
    return state.population[0]?.reduce((sum, value) => sum + value * value, 0) as number;
  });
  expect(ends[0]).toBeLessThan(0.01);
  expect(ends[1]).toBe(8);
});
