/** summary: a model's layers, how many numbers each holds, and what each gives and costs for an input. */
import { bytesPerElement } from "../../engine/ir/index.ts";
import { type Shape, sizeOf } from "../../util/index.ts";
import { type Module, visitModule } from "../module.ts";
import { Parameter } from "../parameter.ts";
import { type Call, type ObserveOptions, observe } from "./observe.ts";
import { table } from "./table.ts";
import { addWork, noWork, type Work, workOf } from "./work.ts";

export interface SummaryRow {
  /** As in `layers/0`; `(model)` for the root's own. */
  readonly path: string;
  readonly kind: string;
  /** Own parameters, as in `weight [784,128], bias [128]`. */
  readonly shapes: string;
  /** Numbers in them, trained or not. */
  readonly count: number;
  /** What it gives, where an input shape was given and it was run; [] for what is no tensor. */
  readonly output?: Shape;
  /** Its own work, that of layers within it not counted; of all its runs together. */
  readonly work?: Work;
  /** Bytes of what it gives. */
  readonly bytes?: number;
}

export interface Summary {
  /** Modules that own parameters, have no children or compute themselves; with an input shape also functions, in the order they run. */
  readonly rows: readonly SummaryRow[];
  readonly trainable: number;
  readonly frozen: number;
  /** Of the whole model, and the bytes of all rows' outputs, where an input shape was given. */
  readonly work?: Work;
  readonly bytes?: number;
  /** The table as text. */
  toString(): string;
}

interface Owned {
  readonly kind: string;
  readonly own: Parameter[];
  leaf: boolean;
}

/**
 * Counts the parameters of a model, tied ones once; with the shape of one input, without the axis of rows, also each layer's output,
 * work and activations in inference. Nothing is computed, and the model need not be initialised.
 * @throws ShapeError as the model's forward for that input.
 * @example console.log(String(summary(model, [28, 28, 1])));
 */
export function summary(model: Module<never, unknown>): Summary;
export function summary(model: Module, inputShape: Shape, options?: ObserveOptions): Summary;
export function summary(...args: [Module<never, unknown>] | [Module, Shape, ObserveOptions?]): Summary {
  const calls = args.length === 1 ? null : byPath(observe(...args));
  const owned = ownedBy(args[0]);
  const parameters = [...owned.values()].flatMap(({ own }) => own);
  const count = (list: readonly Parameter[]) => list.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const counts = {
    trainable: count(parameters.filter(({ trainable }) => trainable)),
    frozen: count(parameters.filter(({ trainable }) => !trainable)),
  };
  const ran = new Map(calls?.map((call) => [call.path, call]));
  const rows: SummaryRow[] = [];
  for (const path of new Set([...ran.keys(), ...owned.keys()])) {
    const { kind, own, leaf } = owned.get(path) ?? { kind: "", own: [], leaf: true };
    const call = ran.get(path);
    if (own.length === 0 && !leaf && (call === undefined || call.work.flops === 0)) continue;
    rows.push({
      path: path || "(model)",
      kind: kind || (call?.kind ?? ""),
      shapes: own.map((p) => `${p.path.slice(path === "" ? 0 : path.length + 1)} [${p.shape}]`).join(", "),
      count: count(own),
      ...(call && { output: call.output, work: call.work, bytes: call.bytes }),
    });
  }
  const totals =
    calls === null
      ? {}
      : {
          work: calls.reduce((sum, { work }) => addWork(sum, work), noWork),
          bytes: rows.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
        };
  const result = { rows, ...counts, ...totals };
  return { ...result, toString: () => table(result) };
}

/** Each module's own parameters, tied ones where they are met first. */
function ownedBy(model: Module<never, unknown>): Map<string, Owned> {
  const owned = new Map<string, Owned>();
  const paths: string[] = [];
  const ownerOf = (path: string) => paths.filter((at) => at === "" || path.startsWith(`${at}/`)).at(-1) ?? "";
  visitModule(model, (child, path) => {
    const owner = owned.get(ownerOf(path));
    child.path = path;
    if (child instanceof Parameter) owner?.own.push(child);
    else {
      if (owner) owner.leaf = false;
      paths.push(path);
      owned.set(path, { kind: child.constructor.name, own: [], leaf: true });
    }
  });
  return owned;
}

interface Ran {
  readonly path: string;
  readonly kind: string;
  readonly output: Shape;
  readonly bytes: number;
  readonly work: Work;
}

/** The runs of each layer as one: the last output, the work and bytes of all. */
function byPath(calls: readonly Call[]): Ran[] {
  const found = new Map<string, Ran>();
  for (const { path, kind, outputs, nodes } of calls) {
    const before = found.get(path);
    const bytes = outputs.reduce((sum, { size, dtype }) => sum + size * bytesPerElement[dtype], 0);
    found.set(path, {
      path,
      kind,
      output: outputs.length === 1 ? (outputs[0]?.shape ?? []) : [],
      bytes: bytes + (before?.bytes ?? 0),
      work: addWork(workOf(nodes), before?.work ?? noWork),
    });
  }
  return [...found.values()];
}
