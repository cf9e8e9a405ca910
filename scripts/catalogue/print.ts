/** The C++ printer of the fused IR: a signature as a kernel over the vocabulary of native/catalogue.h. */
import { isSlow, type Opcode, opcodes } from "../../src/engine/backend/cpu/opcodes.ts";
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

/** How an operation reads a value. */
type Read = (number: number) => string;

/** `from` is the block of rows or the place on one of them. */
function statement(
  { op, args, operand, dtype, value: made }: Operation,
  from: "b" | "at",
  read: Read = value,
): string {
  const typed = dtype === null ? "" : `template load<${dtype.toUpperCase()}>`;
  const result = `const ${from === "b" ? "VU" : "auto"} ${value(made)} =`;
  const stored = (): string => read(args[0] as number);
  switch (op) {
    case "load":
      return `${result} ${from}.${typed}(${operand});`;
    case "index_i":
      return `${result} ${from}.index(${operand});`;
    case "index_f":
      return `${result} as<VU>(vtof(as<VI>(${from}.index(${operand}))));`;
    case "row":
      return `${result} ${from}.kept(${operand});`;
    case "target":
      return `${from}.keep(${operand}, ${stored()});`;
    case "store":
      return `${from}.template store<${dtype?.toUpperCase()}>(${operand}, ${stored()});`;
    case "random":
      return `${result} ${from}.random(${args.map(read).join(", ")});`;
    default:
      return `${result} x_${op}(${args.map(read).join(", ")});`;
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

/** Values that are computed once a row, with those of them that rows have been given so far. */
interface RowValues {
  readonly all: ReadonlySet<number>;
  readonly given: Set<number>;
}

const opcodeOf = new Map(opcodes.map((opcode) => [opcode.name, opcode]));
const isLong = ({ op }: Operation): boolean => op !== "random" && isSlow(opcodeOf.get(op) as Opcode);

/** Rows are gone over several times, so memory would stand still but for the first and the last of them. */
function fetches(along: readonly Operation[]): string[] {
  const texts = along.flatMap(({ op, operand, dtype }) => {
    const how = { load: "fetch", store: "claim" }[op];
    return how === undefined ? [] : [`at.template ${how}<${dtype?.toUpperCase()}>(${operand});`];
  });
  return [...new Set(texts)];
}

function passText({ outer, inner, reduces }: Pass, rowValues: RowValues, ahead: readonly string[]): string {
  const lines = outer.map((operation) => statement(operation, "b"));
  if (inner.length === 0 && reduces.length === 0) return lines.join("\n");
  const read: Read = (number) => {
    if (!rowValues.all.has(number)) return value(number);
    if (!rowValues.given.has(number)) lines.push(`const PerRow r${number}(${value(number)});`);
    rowValues.given.add(number);
    return `at.of(r${number})`;
  };
  const body = inner.map((operation) => statement(operation, "at", read));
  for (const { op, value: made, args } of reduces) {
    lines.push(`${foldType(op)} f${made};`);
    body.push(`at.fold(f${made}, ${read(args[0] as number)});`);
  }
  body.push(...ahead);
  const walk = reduces.length === 0 ? "along" : "pass";
  const count = reduces.length > 0 || inner.some(isLong) ? "TOGETHER" : "1";
  const lambda = `[&](const auto& at) NABLA_LAMBDA { ${body.join(" ")} }`;
  const fed = reduces.map(({ value: made }) => `, f${made}`).join("");
  lines.push(`${walk}<${count}>(b, ${lambda}${fed});`);
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
  const along = passes.flatMap(({ inner }) => inner);
  const perRow = [...passes.flatMap(({ outer, reduces }) => [...outer, ...reduces]), ...after];
  const all = [...along, ...perRow];
  const used = uses(all);
  const count = (op: string): number =>
    1 + Math.max(-1, ...all.map((of) => (of.op === op ? of.operand : -1)));
  const last = passes.findLastIndex(({ reduces }) => reduces.length > 0);
  const turn = last < passes.findLastIndex(({ inner }) => inner.length > 0) ? last : -1;
  const readAlong = along.reduce(
    (bits, { op, operand }) => (op === "load" ? bits | (1 << operand) : bits),
    0,
  );
  const rowValues = { all: new Set(perRow.map((of) => of.value)), given: new Set<number>() };
  const lines = [
    ...uniforms
      .filter((of) => used.has(of.value))
      .map((of) => `const VU ${value(of.value)} = b.uniform(${of.operand});`),
    ...passes.map((pass, i) => passText(pass, rowValues, i === turn ? fetches(along) : [])),
    ...after.map((operation) => statement(operation, "b")),
  ].filter((line) => line !== "");
  const text = `struct ${name} {
enum { IN = ${count("load")}, OUT = ${count("store")}, ALONG = ${readAlong}, SHORT = ${signature.mode === "rows" ? 1 : 0} };
template <class B> static NABLA_METHOD void block(const B& b) {
${lines.join("\n")}
}
};`;
  const special = new Set(["load", "store", "row", "target", "index_i", "index_f", "random", "splat"]);
  return { text, ops: new Set(all.map(({ op }) => op).filter((op) => !special.has(op) && !isReduce(op))) };
}

/** Whether it does anything along its rows but copy. */
export const hasWork = ({ sections }: Signature): boolean =>
  sections.flat().some(({ op, level, args }) => level === INNER && args.length > 0 && op !== "store");
