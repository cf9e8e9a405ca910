/** Avals of composites, loops and the other nodes that hold the graph together. */
import { ShapeError } from "../../../util/index.ts";
import { type Aval, formatAval, sameAval } from "../../ir/index.ts";
import { at, dim, type InferTable, listed, needDType, type Source } from "./rule.ts";

function needArguments(op: string, params: readonly Aval[], got: readonly Aval[]): void {
  if (params.length === got.length && params.every((param, i) => sameAval(param, got[i] as Aval))) return;
  throw new ShapeError(
    `${op}: arguments must match the body's parameters (${listed(params)}); got ${listed(got)}.`,
  );
}

const avalsOf = (sources: readonly Source[]): Aval[] => sources.map((source) => source.aval);

/** The aval of one element along axis 0. */
function element(op: string, aval: Aval, length: number): Aval {
  if (aval.shape.length === 0 || dim(aval.shape, 0) !== length) {
    throw new ShapeError(
      `${op}: axis 0 of what is scanned must have ${length} elements; got ${formatAval(aval)}.`,
    );
  }
  return { dtype: aval.dtype, shape: aval.shape.slice(1) };
}

function checkGuard(given: readonly Aval[], length: number, xs: number, ys: number): void {
  const guard = given.at(-1);
  if (guard?.dtype !== "bool" || guard.shape.length > 0) {
    throw new ShapeError(`loop: its guard must be bool[]; got ${guard ? formatAval(guard) : "nothing"}.`);
  }
  if (length !== 1 || xs + ys > 0)
    throw new ShapeError("loop: one with a guard has one round and only carries.");
}

type Structure = "composite" | "loop" | "output" | "stopGradient" | "copy" | "collective";

export const structure: InferTable<Structure> = {
  composite: {
    sources: null,
    infer: (src, { name, body }) => {
      needArguments(name, avalsOf(body.params), avalsOf(src));
      if (body.outs.length === 0) throw new ShapeError(`${name}: the body must have a result; got none.`);
      return avalsOf(body.outs);
    },
  },
  loop: {
    sources: null,
    infer: (src, { body, length, carry, xs, guarded }) => {
      if (!Number.isInteger(length) || length < 0) {
        throw new ShapeError(`loop: length must be an integer >= 0; got ${length}.`);
      }
      const given = avalsOf(src);
      const slices = given.slice(carry, carry + xs).map((aval) => element("loop", aval, length));
      const args = [...given.slice(0, carry), ...slices, ...given.slice(carry + xs)];
      needArguments("loop", avalsOf(body.params), args);
      const outs = avalsOf(body.outs);
      if (
        outs.length < Math.max(carry, 1) ||
        !outs.slice(0, carry).every((out, i) => sameAval(out, given[i] as Aval))
      ) {
        throw new ShapeError(
          `loop: the body must give back the carry (${listed(given.slice(0, carry))}) first; got ${listed(outs)}.`,
        );
      }
      if (guarded) checkGuard(given, length, xs, outs.length - carry);
      const stacked = outs.slice(carry).map(({ dtype, shape }) => ({ dtype, shape: [length, ...shape] }));
      return [...outs.slice(0, carry), ...stacked];
    },
  },
  output: {
    sources: 1,
    infer: (src, { index }) => {
      const outs = src[0]?.outs ?? [];
      const aval = outs[index];
      if (aval === undefined)
        throw new ShapeError(`output: index must be in [0, ${outs.length}); got ${index}.`);
      return [aval];
    },
  },
  stopGradient: { sources: 1, infer: (src) => [at(src, 0)] },
  copy: { sources: 1, infer: (src) => [at(src, 0)] },
  // Of the one-process communicator: gathering one part, or keeping one's part of one, changes no shape.
  collective: {
    sources: 1,
    infer: (src, { kind }) => {
      if (kind === "allReduce" || kind === "reduceScatter")
        needDType(kind, ["f32", "i32", "u32"], at(src, 0));
      return [at(src, 0)];
    },
  },
};
