/** Tasks: steps that are to be ordered, with the storages they read and write. */
import type { Step } from "../../ir/index.ts";
import type { DagNode } from "../dag.ts";
import type { Storage } from "../memory/storage.ts";

export interface Task {
  readonly node: DagNode;
  /** Over numbers of storages; null for memory that others fill. */
  step: Step | null;
  /** As named in the step; rootOf gives the memory behind. */
  reads: ReadonlySet<Storage>;
  writes: ReadonlySet<Storage>;
}
