/** A loop as one task: its body is compiled in place, over the carries, slices and constants of the loop. */
import { InternalError } from "../../../util/index.ts";
import { bytesOf, type Node } from "../../ir/index.ts";
import type { DagNode } from "../dag.ts";
import type { Unit, Value } from "../lower/units.ts";
import type { Storage, StoragePlace } from "../memory/storage.ts";
import type { EmitContext, Touch } from "./index.ts";
import { renumber } from "./steps.ts";
import type { Task } from "./task.ts";

export function loopTask(
  node: DagNode,
  unit: Unit,
  loop: Node & { op: "loop" },
  touch: Touch,
  { storages, body: compileBody, depth }: EmitContext,
): Task {
  const { body, length, carry, xs, reverse, guarded } = loop.attrs;
  const results = unit.results.map((value: Value) => touch.write(value));
  // Carries are read as well; what starts them was written there before.
  for (const storage of results.slice(0, carry)) touch.reads.add(storage);
  const operands = unit.operands.map((operand) => touch.read(operand));
  const slice = (parent: Storage, aval: Node["aval"]) =>
    storages.add(aval, { in: "slice", parent, stride: bytesOf(aval), depth });
  const leaves = body.params.map((param, index) => {
    if (index < carry) return results[index] as Storage;
    const operand = operands[index - carry] as Storage;
    return index < carry + xs ? slice(operand, param.aval) : operand;
  });
  const donors = body.outs.map((_, index) => (index < carry ? { leaf: index, needed: true } : null));
  const inner = compileBody(body, donors);
  const outs = body.outs.map((out, index) =>
    index < carry ? null : slice(results[index] as Storage, out.aval),
  );

  // The body's scratch is one block that lives as long as the loop.
  const scratch = storages.add({ dtype: "u8", shape: [inner.arenaBytes] }, { in: "arena" });
  const known = new Map<Storage, Storage>();
  const place = (storage: Storage): StoragePlace => {
    const { place: at } = storage;
    if (at.in === "part") return { ...at, of: outer(at.of) };
    if (at.in === "arena") return { in: "part", of: scratch, offset: inner.offsets.get(storage) ?? 0 };
    return at.in === "slice" ? { ...at, parent: outer(at.parent) } : at;
  };
  const outer = (storage: Storage): Storage => {
    let mine = known.get(storage);
    if (mine !== undefined) return mine;
    const at = storage.place;
    if (at.in === "input") mine = leaves[at.index];
    else if (at.in === "output") mine = outs[at.index] ?? undefined;
    // The next carry is the carry: one memory, one name.
    else if (at.in === "part" && at.of.place.in === "input" && storage.alias === null) mine = outer(at.of);
    else {
      mine = storages.add(storage.aval, place(storage), storage.bytes);
      mine.alias = storage.alias && outer(storage.alias);
    }
    if (mine === undefined) throw new InternalError("compile: a loop's body uses memory that is not its own");
    known.set(storage, mine);
    return mine;
  };
  const steps = inner.steps.map((step) => renumber(step, (buffer) => outer(inner.storages.get(buffer)).id));
  const writes = new Set([...touch.writes, scratch]);
  const guard = guarded ? { guard: (operands.at(-1) as Storage).id } : {};
  return { node, step: { kind: "loop", length, reverse, ...guard, steps }, reads: touch.reads, writes };
}
