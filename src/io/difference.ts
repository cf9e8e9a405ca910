/** What tensors are there and what are wanted, told apart in a sentence. */
import { formatAval } from "../engine/ir/index.ts";
import { Tensor } from "../engine/tensor/index.ts";
import { nearest, visitLeaves } from "../util/index.ts";
import type { TensorsByPath } from "./tensors.ts";

export interface Difference {
  /** How many tensors are wanted, and how many of those are there, of the right shape and dtype. */
  readonly wanted: number;
  readonly fitting: number;
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly changed: readonly { readonly path: string; readonly want: string; readonly got: string }[];
  /** By missing path: an unexpected one of its shape and dtype with nearly its name. */
  readonly renamed: ReadonlyMap<string, string>;
}

/** Paths named of each kind. */
const most = 4;

/** Null where each tensor of the tree `template` is there, of its shape and dtype, and no other. */
export function differenceOf(template: unknown, tensors: TensorsByPath): Difference | null {
  const avals = new Map<string, string>();
  visitLeaves(template, (leaf, path) => {
    if (leaf instanceof Tensor) avals.set(path, formatAval(leaf.node.aval));
  });
  const got = new Map(Object.entries(tensors).map(([path, { node }]) => [path, formatAval(node.aval)]));
  const missing = [...avals.keys()].filter((path) => !got.has(path));
  const unexpected = [...got.keys()].filter((path) => !avals.has(path));
  const changed = [...avals].flatMap(([path, want]) => {
    const now = got.get(path);
    return now === undefined || now === want ? [] : [{ path, want, got: now }];
  });
  if (missing.length + unexpected.length + changed.length === 0) return null;
  const renamed = new Map<string, string>();
  for (const path of missing.slice(0, most)) {
    const alike = unexpected.filter((other) => got.get(other) === avals.get(path));
    const near = nearest(path, alike.slice(0, 100));
    if (near !== null) renamed.set(path, near);
  }
  const fitting = avals.size - missing.length - changed.length;
  return { wanted: avals.size, fitting, missing, unexpected, changed, renamed };
}

const list = (items: readonly string[]): string =>
  items.length > most
    ? `${items.slice(0, most).join(", ")} and ${items.length - most} more`
    : items.join(", ");

/** As in `holds no params/bias; params/weight must be f32[3]; got f32[4]; 5 of 7 tensors fit`. */
export function describeDifference(difference: Difference): string {
  const { wanted, fitting, missing, unexpected, changed, renamed } = difference;
  const named = missing.map((path) => {
    const other = renamed.get(path);
    return other === undefined ? path : `${path} (is it ${other}?)`;
  });
  return [
    ...(missing.length > 0 ? [`holds no ${list(named)}`] : []),
    ...(changed.length > 0
      ? [list(changed.map(({ path, want, got }) => `${path} must be ${want}, and is ${got}`))]
      : []),
    ...(unexpected.length > 0
      ? [`holds ${list(unexpected)}, which ${unexpected.length === 1 ? "is" : "are"} not expected`]
      : []),
    `${fitting} of ${wanted} tensors fit`,
  ].join("; ");
}
