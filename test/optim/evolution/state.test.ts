import { deserialize, serialize } from "node:v8";
import {
  type Evolution,
  type EvolutionState,
  evolutionFromJson,
  evolutionToJson,
  minimise,
} from "nabla/optim";
import { describe, expect, test } from "vitest";
import { type Loss, rosenbrock, searches, sphere } from "./shared.ts";

describe.each(Object.entries(searches))("%s", (_, make) => {
  const start = [0.5, -0.25, 1, -0];
  const advance = (search: Evolution, state: EvolutionState, count: number) => {
    let now = state;
    for (let i = 0; i < count; i++) {
      const asked = search.ask(now);
      now = search.tell(asked.state, asked.candidates.map(rosenbrock));
    }
    return now;
  };

  test("equal seeds give equal bits, others others", () => {
    const run = (seed: number) => advance(make(seed), make(seed).init(start), 12);
    expect(run(5)).toStrictEqual(run(5));
    expect(run(5).best.x).not.toEqual(run(6).best.x);
    expect(run(2 ** 40 + 5).best.x).not.toEqual(run(5).best.x);
  });

  test("goes on from a copy, from v8's bytes and from JSON to the same bits; also between ask and tell", () => {
    const search = make(9);
    const early = search.init(start);
    const middle = advance(search, early, 5);
    const end = advance(search, middle, 5);
    const copies: ((state: EvolutionState) => EvolutionState)[] = [
      structuredClone,
      (state) => deserialize(serialize(state)),
      (state) => evolutionFromJson(evolutionToJson(state)),
    ];
    for (const copy of copies) {
      // The first one holds Infinity and -0.
      expect(copy(early)).toStrictEqual(early);
      expect(advance(search, copy(early), 10)).toStrictEqual(end);
      expect(advance(make(9), copy(middle), 5)).toStrictEqual(end);
      const asked = search.ask(middle);
      const told = search.tell(copy(asked.state), asked.candidates.map(rosenbrock));
      expect(advance(search, told, 4)).toStrictEqual(end);
    }
  });

  test("no function writes to the state it is given", () => {
    const search = make(1);
    const state = advance(search, search.init(start), 3);
    const before = structuredClone(state);
    const asked = search.ask(state);
    const waiting = structuredClone(asked.state);
    search.tell(asked.state, asked.candidates.map(sphere));
    search.best(state).x.fill(7);
    expect(state).toStrictEqual(before);
    expect(asked.state).toStrictEqual(waiting);
  });

  test("only the order of losses counts, and those that are not finite come last", () => {
    const search = make(2);
    const asked = search.ask(search.init(start));
    const losses = asked.candidates.map(sphere);
    const worst = losses
      .map((_, i) => i)
      .sort((a, b) => (losses[b] as number) - (losses[a] as number))[0] as number;
    const own = ({ best, ...state }: EvolutionState) =>
      "losses" in state ? { ...state, losses: null } : state;
    const plain = search.tell(asked.state, losses);
    expect(
      own(
        search.tell(
          asked.state,
          losses.map((loss) => 1000 + 3 * loss),
        ),
      ),
    ).toStrictEqual(own(plain));
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const told = search.tell(
        asked.state,
        losses.map((loss, i) => (i === worst ? bad : loss)),
      );
      expect(own(told)).toStrictEqual(own(plain));
      expect(told.best).toStrictEqual(plain.best);
    }
    const nothing = search.tell(
      asked.state,
      losses.map(() => Number.NaN),
    );
    expect(search.best(nothing)).toStrictEqual({
      x: Float64Array.from(start),
      loss: Number.POSITIVE_INFINITY,
    });
    expect(
      search
        .ask(nothing)
        .candidates.flatMap((x) => [...x])
        .every(Number.isFinite),
    ).toBe(true);
  });

  test("candidates stay finite where losses say nothing for long, have no least, or have been at the least for long", async () => {
    const flat = () => 0;
    const none = () => Number.NaN;
    const falls: Loss = (x) => x[0] as number;
    const shifted: Loss = (x) => sphere(x.map((v) => v - 1.1));
    for (const f of [flat, none, falls, shifted]) {
      const search = make(3);
      const { state } = await minimise(f, search, { start, generations: 4000 });
      expect(
        search
          .ask(state)
          .candidates.flatMap((x) => [...x])
          .every(Number.isFinite),
      ).toBe(true);
    }
  });

  test("refuses an empty start and what tell cannot use", () => {
    const search = make(0);
    expect(() => search.init([])).toThrow(/the start must hold at least one number; got none/);
    expect(() => search.init([1, Number.NaN])).toThrow(/finite numbers; got NaN at 1/);
    const { candidates, state } = search.ask(search.init(start));
    const losses = candidates.map(sphere);
    expect(() => search.tell(state, losses.slice(1))).toThrow(
      /one loss for each of \d+ candidates; got \d+ losses/,
    );
    expect(() => search.tell(search.init(start), losses)).toThrow(/Pass the state that ask returned/);
    expect(() => search.tell(state, losses, [])).toThrow(/tell needs candidates/);
    const short = candidates.map((x) => x.slice(1));
    expect(() => search.tell(state, losses, short)).toThrow(/must have 4 numbers each; got 3 in candidate 0/);
    expect(() => search.tell(state, ["1", ...losses.slice(1)] as number[])).toThrow(
      /losses must be numbers; got string/,
    );
  });
});
