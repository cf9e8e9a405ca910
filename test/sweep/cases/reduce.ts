/** Cases of reductions and scans: axes, sizes with and without elements, NaN, ties and overflow. */
import { build as b } from "../../../src/engine/ops/index.ts";
import type { Shape } from "../../../src/util/index.ts";
import { type Case, exact, type Tolerance, terms, ulps } from "../case.ts";
import { filled, oddFloats, random } from "../data.ts";
import { decode, encode, type Host } from "../host.ts";
import { viewNamed } from "../views.ts";

const layouts: readonly (readonly [Shape, readonly number[]])[] = [
  [[0], [0]],
  [[1], [0]],
  [[16], [0]],
  [[17], [0]],
  [[1000], [0]],
  [[5000], [0]],
  [[3, 7], []],
  [[3, 7], [0]],
  [[3, 7], [1]],
  [
    [3, 7],
    [0, 1],
  ],
  [[65, 33], [0]],
  [[65, 33], [1]],
  [[2, 0, 5], [1]],
  [[2, 0, 5], [0]],
  [[4, 5, 6], [1]],
  [
    [4, 5, 6],
    [0, 2],
  ],
  [
    [4, 5, 6],
    [2, 1],
  ],
  [
    [2, 3, 4, 35],
    [0, 1, 2],
  ],
  [[300, 40], [0]],
  [[7, 2100], [1]],
  [[], []],
];

/** A product loses up to half a unit at each factor. */
const near = (kind: string, dtype: string, count: number): Tolerance => {
  if (dtype !== "f32" || kind === "max" || kind === "min") return exact;
  return kind === "sum" ? terms(Math.max(4, Math.log2(count + 1) + 4)) : ulps(Math.max(1, count));
};

const countOf = (shape: Shape, axes: readonly number[]) =>
  axes.reduce((product, axis) => product * (shape[axis] as number), 1);

export function reduceCases(): Case[] {
  const cases: Case[] = [];
  const add = (
    name: string,
    kind: "sum" | "max" | "min" | "prod",
    host: Host,
    axes: readonly number[],
    build?: Case["build"],
    reduced: Shape = host.aval.shape,
  ) => {
    const { dtype, shape } = host.aval;
    cases.push({
      name: `reduce ${kind} ${dtype}[${shape}] over [${axes}] ${name}`,
      inputs: [host],
      build: build ?? ((params) => [b.make("reduce", params, { kind, axes })]),
      tolerance: near(kind, dtype, countOf(reduced, axes)),
    });
  };
  for (const kind of ["sum", "max", "min", "prod"] as const) {
    for (const [shape, axes] of layouts) {
      // Factors near one, so that the product stays in range.
      const range = kind === "prod" ? ([0.9, 1.11] as const) : ([-3, 3] as const);
      add("", kind, random(`reduce${kind}${shape}${axes}`, shape, "f32", ...range), axes);
      for (const dtype of ["i32", "u32"] as const) {
        add("", kind, random(`reduce${kind}${shape}${axes}`, shape, dtype, -1000, 1000), axes);
      }
    }
    add("over -0.0", kind, filled([-0], [40], "f32"), [0]);
    for (const [place, odd] of oddFloats.entries()) {
      // Finite sums of huge values depend on the order; they are left to the case of plain values.
      if (kind === "sum" && Math.abs(odd) > 1e38 && Number.isFinite(odd)) continue;
      const values = Array.from({ length: 37 }, (_, i) => (i === place ? odd : 1));
      add(`with ${Object.is(odd, -0) ? "-0" : odd}`, kind, filled(values, [37], "f32"), [0]);
    }
    add("infinities of both signs", kind, filled([1, Infinity, 2, -Infinity], [50], "f32"), [0]);
    for (const name of [
      "transposed",
      "backwards",
      "padded",
      "one row for all",
      "one column for all",
      "every other",
    ]) {
      const view = viewNamed(name);
      for (const axes of [[0], [1], [0, 1]]) {
        const range = kind === "prod" ? ([0.9, 1.11] as const) : ([-3, 3] as const);
        const build: Case["build"] = ([x]) => [
          b.make("reduce", [view.apply(x as never, [19, 70])], { kind, axes }),
        ];
        const host = random(`${kind}${name}`, view.base([19, 70]), "f32", ...range);
        add(name, kind, host, axes, build, [19, 70]);
      }
    }
  }
  return cases;
}

/** Few distinct values. */
function ties(shape: Shape, dtype: "f32" | "i32" | "u32"): Host {
  const values = decode(random(`ties${shape}`, shape, "u32", 0, 3));
  return encode(values, shape, dtype);
}

export function argReduceCases(): Case[] {
  const cases: Case[] = [];
  const add = (name: string, kind: "max" | "min", host: Host, axis: number) => {
    cases.push({
      name: `argReduce ${kind} ${host.aval.dtype}[${host.aval.shape}] along ${axis} ${name}`,
      inputs: [host],
      build: (params) => [b.make("argReduce", params, { kind, axis })],
      tolerance: exact,
    });
  };
  for (const kind of ["max", "min"] as const) {
    for (const [shape, axes] of layouts) {
      const [axis] = axes;
      if (axes.length !== 1 || axis === undefined || shape[axis] === 0) continue;
      add("", kind, random(`arg${kind}${shape}`, shape), axis);
      // Few distinct values: the first of equals must win.
      for (const dtype of ["f32", "i32", "u32"] as const) {
        add("with ties", kind, ties(shape, dtype), axis);
        add("all equal", kind, filled([1], shape, dtype), axis);
      }
    }
    for (const place of [0, 1, 20, 36]) {
      const values = Array.from({ length: 37 }, (_, i) => (i === place || i === 30 ? Number.NaN : i % 5));
      add(`NaN at ${place}`, kind, filled(values, [37], "f32"), 0);
    }
    add("infinities", kind, filled([-Infinity, -Infinity, Infinity], [3], "f32"), 0);
    add("all -Infinity", kind, filled([-Infinity], [33], "f32"), 0);
    add("all Infinity", kind, filled([Infinity], [33], "f32"), 0);
    add("zeros of both signs", kind, filled([0, -0, 0], [33], "f32"), 0);
  }
  return cases;
}

export function cumulateCases(): Case[] {
  const cases: Case[] = [];
  for (const kind of ["sum", "max", "prod"] as const) {
    for (const [shape, axis] of [
      [[0], 0],
      [[1], 0],
      [[17], 0],
      [[1000], 0],
      [[5, 33], 0],
      [[5, 33], 1],
      [[3, 0, 4], 2],
      [[3, 4, 20], 1],
    ] as const) {
      for (const reverse of [false, true]) {
        const range = kind === "prod" ? ([0.9, 1.11] as const) : ([-3, 3] as const);
        const hosts = [
          random(`cum${kind}${shape}`, shape, "f32", ...range),
          random(`cum${kind}${shape}`, shape, "i32", -50, 50),
          random(`cum${kind}${shape}`, shape, "u32", 0, 50),
        ];
        if (shape[0] === 17) {
          hosts.push(
            filled([1, 2, Number.NaN, 3], shape, "f32"),
            filled([1, Infinity, -2, 0.5], shape, "f32"),
          );
        }
        for (const [i, host] of hosts.entries()) {
          const { dtype } = host.aval;
          cases.push({
            name: `cumulate ${kind} ${dtype}[${shape}] along ${axis}${reverse ? " reversed" : ""}, data ${i}`,
            inputs: [host],
            build: (params) => [b.make("cumulate", params, { kind, axis, reverse })],
            // One order, one rounding a step: up to n of them.
            tolerance:
              kind === "sum" && dtype === "f32"
                ? terms(shape[axis] as number)
                : near(kind, dtype, shape[axis] as number),
          });
        }
      }
    }
  }
  return cases;
}
