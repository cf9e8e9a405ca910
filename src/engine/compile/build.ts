/** The middle of the compiler: from a canonical graph to ordered steps over storages. Loop bodies come through here too. */
import type { Capabilities, Node, Step } from "../ir/index.ts";
import { DagNode } from "./dag.ts";
import { type EmitContext, emitTask, placeValues, type Task } from "./emit/index.ts";
import { fuse } from "./fuse/index.ts";
import { lower } from "./lower/index.ts";
import { resultOf } from "./lower/units.ts";
import { planArena } from "./memory/plan.ts";
import { type Storage, Storages } from "./memory/storage.ts";
import type { CompileOptions } from "./options.ts";
import { withoutSelfCopies } from "./order/copy.ts";
import { type Donation, donate, type Settled } from "./order/donate.ts";
import { joinEqual } from "./order/horizontal.ts";
import { schedule } from "./order/schedule.ts";

export interface Built {
  readonly storages: Storages;
  /** Over numbers of storages. */
  readonly steps: readonly Step[];
  readonly leaves: readonly Storage[];
  readonly outputs: readonly Settled[];
  readonly arenaBytes: number;
  /** Of every storage that is a root in the arena. */
  readonly offsets: ReadonlyMap<Storage, number>;
}

/** The last `scalars` of the leaves are host numbers. */
export function build(
  leaves: readonly Node[],
  scalars: number,
  outputs: readonly Node[],
  donations: readonly (Donation | null)[],
  caps: Capabilities,
  options: CompileOptions,
  depth = 0,
): Built {
  const donors = donations.map((donation) => donation?.leaf ?? null);
  const lowered = lower(leaves, outputs, donors);
  const fuses = options.fuse ?? true;
  const successors = new Map(
    lowered.outputs.flatMap((value, index) => {
      const leaf = lowered.leaves[donors[index] ?? -1];
      return leaf === undefined || leaf === value ? [] : [[value, leaf] as const];
    }),
  );
  const { units, groups } = fuse(lowered.units, successors, caps, fuses);
  const storages = new Storages();
  const inputs = leaves.length - scalars;
  const constants = units.filter((unit) => unit.data !== null).map(resultOf);
  const results = lowered.outputs.map((value, index) => ({ value, aval: (outputs[index] as Node).aval }));
  const where = placeValues(groups, [...lowered.leaves, ...constants], results, storages, (leaf, index) => {
    if (leaf.unit.data !== null) return storages.add(leaf.aval, { in: "const", data: leaf.unit.data });
    return storages.add(
      leaf.aval,
      index < inputs ? { in: "input", index } : { in: "scalar", index: index - inputs },
    );
  });
  const context: EmitContext = {
    storages,
    where,
    depth,
    precision: options.matmulPrecision ?? "f32",
    body: ({ params, outs }, given) => build(params, 0, outs, given, caps, options, depth + 1),
  };
  let tasks: Task[] = groups.map((group) => emitTask(group, context));
  let rank = units.length;
  const leafStorages = lowered.leaves.map((leaf) => where.get(leaf) as Storage);
  const outputStorages = lowered.outputs.map((value) => where.get(value) as Storage);
  const settled = donate(tasks, storages, leafStorages, outputStorages, donations, () => new DagNode(rank++));
  if (caps.segments && fuses) tasks = joinEqual(tasks);
  const ordered = schedule(tasks).filter((task) => task.step !== null);
  const arena = planArena(ordered, storages, options.reuse ?? true);
  const steps = ordered.flatMap(({ step }) => (step && withoutSelfCopies(step, storages)) ?? []);
  return {
    storages,
    steps,
    leaves: leafStorages,
    outputs: settled,
    arenaBytes: arena.bytes,
    offsets: arena.offsets,
  };
}
