/** From canonical nodes to units: views composed from the consumer down, and materialised where they do not compose. */
import { InternalError, sizeOf, stridesOf } from "../../../util/index.ts";
import { type Aval, inScope, type Node, topologicalOrder } from "../../ir/index.ts";
import { isScalarOp } from "../../ops/index.ts";
import { GATE } from "../canonical/index.ts";
import { identityView, onlyFill, spreadView } from "../view.ts";
import { concatenatedBytes, constantBytes } from "./data.ts";
import { Elements } from "./element.ts";
import { hasType, isWhole, moved, rearranged, typeOf, whole } from "./operand.ts";
import { type Operand, resultOf, type Target, type Unit, Units, type Value, wholeOf } from "./units.ts";

export interface Lowered {
  readonly units: readonly Unit[];
  readonly leaves: readonly Value[];
  /** Where each output's value is: distinct values, none of them a leaf but a donor that passes through. */
  readonly outputs: readonly Value[];
}

/** `donors[i]`: the leaf whose memory output i ends in, or null. */
export function lower(
  leaves: readonly Node[],
  outputs: readonly Node[],
  donors: readonly (number | null)[],
): Lowered {
  return new Lowering().run(leaves, outputs, donors);
}

const at = (list: readonly number[], index: number): number => list[index] as number;

/** Kernels widen what they load: such a cast is none, and the narrow value is what is kept. */
const widens = (source: Node, { dtype }: Aval): boolean =>
  dtype === "f32" && (source.aval.dtype === "f16" || source.aval.dtype === "bf16");

const isGate = (node: Node): boolean => node.op === "composite" && node.attrs.name === GATE;

class Lowering {
  readonly #units = new Units();
  readonly #operands = new Map<Node, Operand>();
  readonly #copies = new Map<Node, Value>();
  /** Units that must have run before what reads these nodes. */
  readonly #gates = new Map<Node, readonly Unit[]>();
  /** Nodes behind a gate, however far. */
  readonly #behind = new Set<Node>();
  readonly #elements = new Elements(
    this.#units,
    (node) => this.#operand(node),
    (node) => this.#behind.has(node),
  );
  /** Results of composites and loops. */
  readonly #multiple = new Map<Node, Unit>();

  run(leaves: readonly Node[], outputs: readonly Node[], donors: readonly (number | null)[]): Lowered {
    const leafValues = leaves.map((leaf) => {
      const value = resultOf(this.#units.add({ kind: "leaf", results: [leaf.aval], node: leaf }));
      this.#operands.set(leaf, whole(value));
      return value;
    });
    for (const node of topologicalOrder(outputs)) {
      if (!this.#operands.has(node)) this.#operands.set(node, this.#lowerGated(node));
    }
    const claimed = new Set<Value>();
    const values = outputs.map((node, index) => {
      const donor = donors[index] ?? null;
      const memory = donor === null ? null : (leafValues[donor] ?? null);
      const value = inScope(node.scope, () => this.#output(node, memory, claimed));
      claimed.add(value);
      value.kept = true;
      return value;
    });
    this.#units.dropUnread();
    return { units: this.#units.list, leaves: leafValues, outputs: values };
  }

  /** A value that only this output claims. */
  #output(node: Node, donor: Value | null, claimed: ReadonlySet<Value>): Value {
    if (sizeOf(node.aval.shape) === 0) return this.#empty(node.aval);
    const operand = this.#operand(node);
    if (isWhole(operand) && hasType(operand, node.aval) && !claimed.has(operand.value)) {
      const { unit } = operand.value;
      if (operand.value === donor || (unit.kind !== "leaf" && unit.into === null)) return operand.value;
    }
    return this.#copy(operand, node.aval);
  }

  /** Memory without elements. */
  #empty(aval: Aval): Value {
    return resultOf(this.#units.add({ kind: "assemble", results: [aval] }));
  }

  #operand(node: Node): Operand {
    const operand = this.#operands.get(node);
    if (operand === undefined) throw new InternalError(`compile: ${node.op} was not lowered before its use`);
    return operand;
  }

  /** The node in memory of its own, contiguous and unguarded. */
  #materialise(node: Node): Value {
    let value = this.#copies.get(node);
    if (value === undefined) {
      const operand = this.#operand(node);
      const data = constantBytes(operand, node.aval);
      if (isWhole(operand) && hasType(operand, node.aval)) value = operand.value;
      else if (sizeOf(node.aval.shape) === 0) value = this.#empty(node.aval);
      else if (data !== null) value = this.#constant(data, node.aval);
      else value = this.#copy(operand, node.aval);
      this.#copies.set(node, value);
    }
    return value;
  }

  /** A copy in memory of its own. */
  #copy(operand: Operand, aval: Aval): Value {
    const spread = rearranged(operand);
    if (spread === null) return resultOf(this.#units.copy(operand, aval));
    const value = this.#units.value(aval);
    const piece = this.#piece(operand, aval, wholeOf(value, aval.shape));
    this.#units.add({ kind: "assemble", results: [value] }).after.push(piece);
    return value;
  }

  /** A copy into part of a value. */
  #piece(operand: Operand, aval: Aval, into: Target): Unit {
    const spread = rearranged(operand);
    if (spread === null) return this.#units.copy(operand, aval, into);
    const pick = (list: readonly number[]) => spread.axes.map((axis) => at(list, axis));
    const shape = pick(aval.shape);
    const straight: Operand = { kind: "value", value: spread.value, view: identityView(shape) };
    return this.#units.copy(straight, { dtype: aval.dtype, shape }, { ...into, strides: pick(into.strides) });
  }

  /**
   * Operands of a step that reads f32. Narrow ones are widened into memory of its own, and not before the others are there: so the
   * narrow ones are what lasts from the forward pass to the backward one.
   */
  #inF32(sources: readonly Node[], read: (source: Node) => Operand): Operand[] {
    const given = sources.map((source) => this.#operand(source));
    const operands = sources.map((source, index) => {
      const operand = given[index] as Operand;
      if (hasType(operand, source.aval) || sizeOf(source.aval.shape) === 0) return read(source);
      return whole(resultOf(this.#units.copy(operand, source.aval)));
    });
    operands.forEach((operand, index) => {
      if (operand.kind !== "value" || hasType(given[index] as Operand, operand.value.aval)) return;
      const others = given.filter((_, other) => other !== index);
      for (const other of others) {
        if (other.kind === "value" && other.value.unit.kind !== "leaf")
          operand.value.unit.after.push(other.value.unit);
      }
    });
    return operands;
  }

  #constant(data: Uint8Array, aval: Aval): Value {
    return resultOf(this.#units.add({ kind: "leaf", results: [aval], data }));
  }

  /** An operand in row-major order. */
  #contiguous(node: Node): Operand {
    return { kind: "value", value: this.#materialise(node), view: identityView(node.aval.shape) };
  }

  /** Lowers a node and keeps its units waiting for the gates its sources are behind; views pass them on. */
  #lowerGated(node: Node): Operand {
    const gates = new Set(node.src.flatMap((source) => this.#gates.get(source) ?? []));
    if (isGate(node) || node.src.some((source) => this.#behind.has(source))) this.#behind.add(node);
    const before = this.#units.list.length;
    const operand = isGate(node)
      ? this.#operand(node.src[0] as Node)
      : inScope(node.scope, () => this.#lower(node));
    if (isGate(node)) {
      for (const other of node.src.slice(1)) {
        const opener = this.#operand(other);
        if (opener.kind === "value" && opener.value.unit.kind !== "leaf") gates.add(opener.value.unit);
      }
    }
    const made = this.#units.list.slice(before);
    for (const unit of made) unit.after.push(...gates);
    if (made.length === 0 && gates.size > 0) this.#gates.set(node, [...gates]);
    return operand;
  }

  #lower(node: Node): Operand {
    const { op, aval } = node;
    if (op === "cast" && widens(node.src[0] as Node, aval)) return this.#operand(node.src[0] as Node);
    if (isScalarOp(op) || op === "cast") {
      const operands = node.src.map((source) => this.#operand(source));
      const unit = this.#units.add({
        kind: "map",
        fn: op,
        results: [aval],
        node,
        domain: aval.shape,
        operands,
      });
      return whole(resultOf(unit));
    }
    switch (node.op) {
      case "const":
        return { kind: "literal", value: node.attrs.value, dtype: aval.dtype };
      case "iota":
        if (aval.dtype !== "f32" && aval.dtype !== "i32" && aval.dtype !== "u32")
          throw new InternalError("compile: iota's dtype");
        return { kind: "iota", dtype: aval.dtype, view: identityView(aval.shape) };
      case "random": {
        const everywhere = (word: Operand): Operand =>
          word.kind === "literal" ? word : { ...word, view: spreadView(word.view, aval.shape) };
        const counter: Operand = { kind: "iota", dtype: "u32", view: identityView(aval.shape) };
        const operands = [...this.#elements.words(node.src[0] as Node).map(everywhere), counter];
        const unit = this.#units.add({
          kind: "map",
          fn: "random",
          results: [aval],
          node,
          domain: aval.shape,
          operands,
        });
        return whole(resultOf(unit));
      }
      case "reduce":
      case "argReduce": {
        const source = node.src[0] as Node;
        const fn =
          node.op === "reduce"
            ? node.attrs.kind
            : node.attrs.kind === "max"
              ? ("argMax" as const)
              : ("argMin" as const);
        const axes = node.op === "reduce" ? node.attrs.axes : [node.attrs.axis];
        const operands = [this.#operand(source)];
        const domain = source.aval.shape;
        const unit = this.#units.add({ kind: "reduce", fn, results: [aval], node, domain, axes, operands });
        return whole(resultOf(unit));
      }
      case "reshape":
      case "permute":
      case "expand":
      case "slice":
      case "pad":
        return this.#move(node);
      case "concat":
        return this.#concat(node, node.attrs.axis);
      case "composite":
      case "loop":
        // Read through `output` nodes.
        this.#structure(node);
        return { kind: "literal", value: 0, dtype: aval.dtype };
      case "output": {
        const unit = this.#multiple.get(node.src[0] as Node);
        const value = unit?.results[node.attrs.index];
        if (value === undefined) throw new InternalError("compile: output of a node without results");
        return whole(value);
      }
      case "matmul": {
        const operands = this.#inF32(node.src, (source) => this.#matrix(source));
        return whole(resultOf(this.#units.add({ kind: "heavy", results: [aval], node, operands })));
      }
      case "conv":
      case "convInputGrad":
      case "convFilterGrad":
      case "cumulate":
      case "gather":
      case "scatter":
      case "reduceWindow":
      case "argWindow":
      case "argsort":
      case "collective": {
        const operands = this.#inF32(node.src, (source) => this.#contiguous(source));
        return whole(resultOf(this.#units.add({ kind: "heavy", results: [aval], node, operands })));
      }
      default:
        throw new InternalError(`compile: ${node.op} is not canonical`);
    }
  }

  /** A matrix may have any strides but negative ones, and no guard. */
  #matrix(source: Node): Operand {
    const operand = this.#operand(source);
    const plain =
      operand.kind === "value" &&
      operand.view.guard === null &&
      operand.view.strides.every((stride, axis) => stride >= 0 || operand.view.shape[axis] === 1);
    return plain ? operand : this.#contiguous(source);
  }

  #move(node: Node): Operand {
    const source = node.src[0] as Node;
    const operand = this.#operand(source);
    if (node.op === "pad" && (operand.kind === "literal" || node.attrs.interior.some((gap) => gap > 0))) {
      return this.#dilate(node, operand);
    }
    if (operand.kind === "literal") return operand;
    // A guarded index is read from memory: only loads have guards.
    let view = operand.kind === "iota" && node.op === "pad" ? null : moved(node, operand.view);
    let from: Operand = operand;
    if (view === null) {
      const narrow = hasType(operand, source.aval) ? null : typeOf(operand);
      from = narrow
        ? whole(resultOf(this.#units.copy(operand, { ...source.aval, dtype: narrow })))
        : this.#contiguous(source);
      view = moved(node, identityView(source.aval.shape));
    }
    if (view === null) throw new InternalError(`compile: no view for ${node.op}`);
    if (from.kind === "literal") throw new InternalError(`compile: ${node.op} of a constant`);
    const fill = onlyFill(view);
    return fill === null ? { ...from, view } : { kind: "literal", value: fill, dtype: node.aval.dtype };
  }

  /** Padding that no guard expresses: a fill, then a strided store of the elements. */
  #dilate(node: Node & { op: "pad" }, operand: Operand): Operand {
    const { lo, interior } = node.attrs;
    const { aval } = node;
    const value = this.#units.value(aval);
    const literal: Operand = { kind: "literal", value: node.attrs.value, dtype: aval.dtype };
    const fill = this.#units.copy(literal, aval, wholeOf(value, aval.shape));
    let offset = 0;
    const strides = stridesOf(aval.shape).map((stride, axis) => {
      offset += stride * at(lo, axis);
      return stride * (at(interior, axis) + 1);
    });
    const source = node.src[0] as Node;
    const piece = this.#piece(operand, source.aval, { value, offset, strides });
    piece.after.push(fill);
    this.#units.add({ kind: "assemble", results: [value] }).after.push(fill, piece);
    return whole(value);
  }

  #concat(node: Node, axis: number): Operand {
    const parts = node.src.map((source) => ({
      operand: this.#operand(source),
      size: sizeOf(source.aval.shape),
    }));
    const data = concatenatedBytes(parts, node.aval);
    if (data !== null) return whole(this.#constant(data, node.aval));
    const value = this.#units.value(node.aval);
    const strides = stridesOf(node.aval.shape);
    let offset = 0;
    const pieces = node.src.map((source) => {
      const piece = this.#piece(this.#operand(source), source.aval, { value, offset, strides });
      offset += at(strides, axis) * at(source.aval.shape, axis);
      return piece;
    });
    this.#units.add({ kind: "assemble", results: [value] }).after.push(...pieces);
    return whole(value);
  }

  /** A kernel of the device reads its operands in place: masks anyhow, numbers if elements of the last axis adjoin. */
  #tensor(source: Node): Operand {
    const operand = this.#matrix(source);
    if (operand.kind !== "value") return operand;
    const { shape, strides } = operand.view;
    const adjoins = shape.length === 0 || shape.at(-1) === 1 || strides.at(-1) === 1;
    return adjoins || source.aval.dtype === "bool" ? operand : this.#contiguous(source);
  }

  /** A composite kept whole, or a loop, whose carries start as copies in the memory of its results. */
  #structure(node: Node & { op: "composite" | "loop" }): void {
    const results = (node.outs ?? [node.aval]).map((aval) => this.#units.value(aval));
    const carry = node.op === "loop" ? node.attrs.carry : 0;
    const operands = this.#inF32(node.src.slice(carry), (source) =>
      node.op === "loop" ? this.#contiguous(source) : this.#tensor(source),
    );
    const starts = results.slice(0, carry).flatMap((value, index) => {
      if (sizeOf(value.aval.shape) === 0) return [];
      const start = this.#operand(node.src[index] as Node);
      return [this.#piece(start, value.aval, wholeOf(value, value.aval.shape))];
    });
    const unit = this.#units.add({ kind: "heavy", results, node, operands });
    unit.after.push(...starts);
    this.#multiple.set(node, unit);
  }
}
