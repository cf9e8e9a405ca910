/** The C++ printer of the fused IR: a signature as a kernel over the vocabulary of native/catalogue.h. */
import { INNER, isReduce, UNIFORM } from "../../src/engine/backend/cpu/select.ts";
import type { Operation, Signature } from "./signature.ts";

/** Places that a kernel of short rows may keep: CALL_PLACES of native/fused.h. */
const MOST_PLACES = 8;

/** One pass over a row: what is computed before it, along it, and the reductions it feeds. */
interface Pass {
  readonly outer: Operation[];
  readonly inner: Operation[];
  readonly reduces: Operation[];
}

interface Passes {
  readonly uniforms: readonly Operation[];
  readonly passes: readonly Pass[];
  readonly after: readonly Operation[];
}

const folds: Record<string, string> = {
  Sum: "FOLD_SUM",
  Prod: "FOLD_PROD",
  Max: "FOLD_MAX",
  Min: "FOLD_MIN",
};

function foldType(op: string): string {
  const [, kind, lane] = /^reduce(\w+)_(\w)$/.exec(op) as unknown as [string, string, string];
  const vector = { f: "VF", i: "VI", u: "VU" }[lane];
  return `Folding<${folds[kind]}, ${vector}>`;
}

const isUniform = ({ level, op }: Operation): boolean => level === UNIFORM && op === "splat";

function stagedPasses({ sections }: Signature): Passes {
  const uniforms = sections.flat().filter(isUniform);
  const rest = sections.map((section) => section.filter((operation) => !isUniform(operation)));
  const passes: Pass[] = [];
  for (let i = 0; i + 3 <= rest.length - 1; i += 3) {
    const [outer, inner, reduces] = rest.slice(i, i + 3) as [Operation[], Operation[], Operation[]];
    passes.push({ outer, inner, reduces });
  }
  return { uniforms, passes, after: rest.at(-1) as Operation[] };
}

/** Short rows come as one list: an operation belongs to the first pass after the reductions it needs. */
function listedPasses({ sections }: Signature): Passes | null {
  const list = (sections[0] as readonly Operation[]).filter((operation) => !isUniform(operation));
  const stage = new Map<number, number>();
  const stageOf = ({ args }: Operation): number => Math.max(0, ...args.map((arg) => stage.get(arg) ?? 0));
  for (const operation of list)
    stage.set(operation.value, stageOf(operation) + (isReduce(operation.op) ? 1 : 0));
  const inLast = (operation: Operation) => operation.op === "store" && operation.level === INNER;
  const last = Math.max(...list.map((op) => (isReduce(op.op) || inLast(op) ? stageOf(op) : 0)));
  const makers = new Map(list.map((operation) => [operation.value, operation]));
  const passes = Array.from({ length: last + 1 }, (): Pass => ({ outer: [], inner: [], reduces: [] }));
  const after: Operation[] = [];
  const places = new Map<number, number>();
  const present = passes.map(() => new Set<number>());
  /** Makes an inner value available in a later pass than its own. */
  const bring = (value: number, pass: number): void => {
    const maker = makers.get(value);
    if (maker?.level !== INNER || (present[pass] as Set<number>).has(value)) return;
    (present[pass] as Set<number>).add(value);
    const into = (passes[pass] as Pass).inner;
    if (maker.args.length === 0) {
      into.push(maker);
      return;
    }
    let place = places.get(value);
    if (place === undefined) {
      place = places.size;
      places.set(value, place);
      const own = (passes[stage.get(value) as number] as Pass).inner;
      own.push({ op: "target", level: INNER, args: [value], operand: place, dtype: null, value: -1 });
    }
    into.push({ op: "row", level: INNER, args: [], operand: place, dtype: null, value });
  };
  for (const operation of list) {
    const at = inLast(operation) ? last : stageOf(operation);
    const inner = isReduce(operation.op) || operation.level === INNER;
    if (inner) for (const arg of operation.args) bring(arg, at);
    if (isReduce(operation.op)) (passes[at] as Pass).reduces.push(operation);
    else if (operation.level === INNER) {
      (passes[at] as Pass).inner.push(operation);
      if (operation.value >= 0) (present[at] as Set<number>).add(operation.value);
    } else if (operation.op === "store" || at > last) after.push(operation);
    else (passes[at] as Pass).outer.push(operation);
  }
  if (places.size > MOST_PLACES) return null;
  return { uniforms: (sections[0] as readonly Operation[]).filter(isUniform), passes, after };
}

const value = (number: number): string => `v${number}`;

/** `from` is the line or the place on it. */
function statement({ op, args, operand, dtype, value: made }: Operation, from: string): string {
  const typed = dtype === null ? "" : `template load<${dtype.toUpperCase()}>`;
  switch (op) {
    case "load":
      return `const VU ${value(made)} = ${from}.${typed}(${operand});`;
    case "index_i":
      return `const VU ${value(made)} = ${from}.index(${operand});`;
    case "index_f":
      return `const VU ${value(made)} = (VU)vtof((VI)${from}.index(${operand}));`;
    case "row":
      return `const VU ${value(made)} = ${from}.kept(${operand});`;
    case "target":
      return `${from}.keep(${operand}, ${value(args[0] as number)});`;
    case "store":
      return `${from}.template store<${dtype?.toUpperCase()}>(${operand}, ${value(args[0] as number)});`;
    case "random":
      return `const VU ${value(made)} = ${from}.random(${args.map(value).join(", ")});`;
    default:
      return `const VU ${value(made)} = x_${op}(${args.map(value).join(", ")});`;
  }
}

const uses = (operations: readonly Operation[]): ReadonlySet<number> =>
  new Set(operations.flatMap(({ args }) => args));

/** Without what the pass itself does not use: a load may stand where only a later pass needs it. */
function pruned({ outer, inner, reduces }: Pass): Pass {
  const needed = new Set(reduces.flatMap(({ args }) => args));
  const kept = [...inner].reverse().filter(({ value: made, args }) => {
    if (made >= 0 && !needed.has(made)) return false;
    for (const arg of args) needed.add(arg);
    return true;
  });
  return { outer, inner: kept.reverse(), reduces };
}

function passText({ outer, inner, reduces }: Pass): string {
  const lines = outer.map((operation) => statement(operation, "l"));
  if (inner.length === 0 && reduces.length === 0) return lines.join("\n");
  const body = inner.map((operation) => statement(operation, "at"));
  for (const { op, value: made, args } of reduces) {
    lines.push(`${foldType(op)} f${made};`);
    body.push(`at.fold(f${made}, ${value(args[0] as number)});`);
  }
  const lambda = `[&](const auto& at) __attribute__((always_inline)) { ${body.join(" ")} }`;
  lines.push(
    reduces.length === 0
      ? `along(l, ${lambda});`
      : `pass(l, ${lambda}, ${reduces.map(({ value: made }) => `f${made}`).join(", ")});`,
  );
  for (const { value: made } of reduces) lines.push(`const VU ${value(made)} = f${made}.result();`);
  return lines.join("\n");
}

export interface Printed {
  readonly text: string;
  /** Opcodes it computes with. */
  readonly ops: ReadonlySet<string>;
}

/** The kernel as `struct <name>`; null where its rows keep too much. */
export function printKernel(signature: Signature, name: string): Printed | null {
  const staged = signature.mode === "long" ? stagedPasses(signature) : listedPasses(signature);
  if (staged === null) return null;
  const { uniforms, after } = staged;
  const passes = staged.passes.map(pruned);
  const all = [...passes.flatMap(({ outer, inner, reduces }) => [...outer, ...inner, ...reduces]), ...after];
  const used = uses(all);
  const count = (op: string): number =>
    1 + Math.max(-1, ...all.map((of) => (of.op === op ? of.operand : -1)));
  const lines = [
    ...uniforms
      .filter((of) => used.has(of.value))
      .map((of) => `const VU ${value(of.value)} = l.uniform(${of.operand});`),
    ...passes.map(passText),
    ...after.map((operation) => statement(operation, "l")),
  ].filter((line) => line !== "");
  const text = `struct ${name} {
enum { IN = ${count("load")}, OUT = ${count("store")} };
template <class L> static NABLA_METHOD void line(const L& l) {
${lines.join("\n")}
}
};`;
  const special = new Set(["load", "store", "row", "target", "index_i", "index_f", "random", "splat"]);
  return { text, ops: new Set(all.map(({ op }) => op).filter((op) => !special.has(op) && !isReduce(op))) };
}

/** Whether it does anything along its rows but copy. */
export const hasWork = ({ sections }: Signature): boolean =>
  sections.flat().some(({ op, level, args }) => level === INNER && args.length > 0 && op !== "store");
