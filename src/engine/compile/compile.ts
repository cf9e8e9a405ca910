/** compile: a graph of nodes becomes a plan. */
import { InternalError, sameShape } from "../../util/index.ts";
import {
  type Capabilities,
  type Place,
  type Plan,
  type PlanBuffer,
  verifyGraph,
  verifyPlan,
} from "../ir/index.ts";
import { infer } from "../ops/index.ts";
import { type Built, build } from "./build.ts";
import { canonicalise } from "./canonical/index.ts";
import { renumber } from "./emit/steps.ts";
import { offsetOf, rootOf, type Storage } from "./memory/storage.ts";
import type { CompileGraph, CompileOptions } from "./options.ts";
import { pairUp } from "./pairs.ts";

/**
 * The plan that computes `graph.outputs` from its inputs on a device with these capabilities.
 *
 * Passes: canonical form (composites inlined, constants folded, equal nodes shared), lowering to units whose operands are views,
 * fusion into kernels, steps, donation, horizontal fusion, order, memory. `explain` shows the result in words.
 * Throws ConfigError for impossible pairs, InternalError for an input that is not listed.
 */
export function compile(graph: CompileGraph, caps: Capabilities, options: CompileOptions = {}): Plan {
  const scalars = graph.scalars ?? [];
  const given = [...graph.inputs, ...scalars];
  const { leaves, outputs } = canonicalise(given, graph.outputs, caps, options.matmulPrecision);
  if (options.verify) verifyGraph(outputs, infer, leaves);
  const donations = options.donate === false ? outputs.map(() => null) : pairUp(graph, outputs, leaves);
  const built = build(leaves, scalars.length, outputs, donations, caps, options);
  const plan = finish(graph, built);
  if (options.verify) verifyPlan(plan);
  return plan;
}

/** Numbers the storages that are used as plan buffers. */
function finish(graph: CompileGraph, built: Built): Plan {
  const buffers: PlanBuffer[] = [];
  const numbers = new Map<Storage, number>();
  const number = (storage: Storage): number => {
    const known = numbers.get(storage);
    if (known !== undefined) return known;
    const { alias, aval, bytes } = storage;
    if (alias !== null && alias.aval.dtype === aval.dtype && sameShape(alias.aval.shape, aval.shape)) {
      const shared = number(alias);
      numbers.set(storage, shared);
      return shared;
    }
    const of = alias === null ? {} : { alias: number(alias) };
    const place = placeOf(storage);
    numbers.set(storage, buffers.length);
    buffers.push({ place, aval, bytes, ...of });
    return buffers.length - 1;
  };
  const placeOf = (storage: Storage): Place => {
    const root = rootOf(storage);
    const { place } = root;
    switch (place.in) {
      case "arena":
        return { in: "arena", offset: (built.offsets.get(root) ?? 0) + offsetOf(storage) };
      case "slice":
        return { in: "slice", parent: number(place.parent), stride: place.stride, depth: place.depth };
      case "part":
        throw new InternalError("compile: a root is no part");
      default:
        return place;
    }
  };
  const steps = built.steps.map((step) => renumber(step, (buffer) => number(built.storages.get(buffer))));
  const outputs = built.outputs.map(({ storage, donor }, index) => {
    const { aval } = graph.outputs[index] as CompileGraph["outputs"][number];
    return { buffer: number(built.storages.alias(storage, aval)), aval, donor };
  });
  return {
    buffers,
    steps,
    inputs: graph.inputs.map(({ aval }) => aval),
    donated: [...graph.donated],
    scalars: (graph.scalars ?? []).map(({ aval }) => aval),
    outputs,
    arenaBytes: built.arenaBytes,
  };
}
