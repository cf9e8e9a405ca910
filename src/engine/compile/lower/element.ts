/** Single elements of small tensors as numbers of their own: a random stream's key is two, computed beside other numbers. */
import { sizeOf, stridesOf } from "../../../util/index.ts";
import type { Aval, Node } from "../../ir/index.ts";
import { isScalarOp } from "../../ops/index.ts";
import { type Operand, resultOf, type Units } from "./units.ts";

/** Elements of larger tensors are read from memory: computing them one by one would take a unit each. */
const MOST_ELEMENTS = 16;

const at = (list: readonly number[], index: number): number => list[index] as number;

const indexOf = (flat: number, shape: readonly number[]): number[] =>
  stridesOf(shape).map((stride, axis) => Math.floor(flat / stride) % at(shape, axis));

const flatOf = (index: readonly number[], shape: readonly number[]): number =>
  stridesOf(shape).reduce((sum, stride, axis) => sum + stride * at(index, axis), 0);

export class Elements {
  readonly #units: Units;
  readonly #operand: (node: Node) => Operand;
  /** Whether a node's units must wait for something: then its elements are read where they are. */
  readonly #waits: (node: Node) => boolean;
  readonly #known = new Map<Node, Map<number, Operand>>();

  constructor(units: Units, operand: (node: Node) => Operand, waits: (node: Node) => boolean) {
    this.#units = units;
    this.#operand = operand;
    this.#waits = waits;
  }

  /** Element number `flat` of a node, row-major. */
  of(node: Node, flat: number): Operand {
    const known = this.#known.get(node) ?? new Map<number, Operand>();
    this.#known.set(node, known);
    let operand = known.get(flat);
    if (operand === undefined) {
      const small = sizeOf(node.aval.shape) <= MOST_ELEMENTS && !this.#waits(node);
      operand = small ? this.#find(node, flat) : this.#read(node, flat);
      known.set(flat, operand);
    }
    return operand;
  }

  /** The two words of a key. */
  words(key: Node): [Operand, Operand] {
    return [this.of(key, 0), this.of(key, 1)];
  }

  #find(node: Node, flat: number): Operand {
    const { op, aval, src } = node;
    const source = src[0] as Node;
    if (isScalarOp(op) || op === "cast") {
      return this.#unit(
        node,
        op,
        src.map((each) => this.of(each, flat)),
      );
    }
    switch (node.op) {
      case "random":
        return this.#unit(node, "random", [
          ...this.words(source),
          { kind: "literal", value: flat, dtype: "u32" },
        ]);
      case "reshape":
        return this.of(source, flat);
      case "expand": {
        const { shape } = source.aval;
        const index = indexOf(flat, aval.shape).map((i, axis) => (shape[axis] === 1 ? 0 : i));
        return this.of(source, flatOf(index, shape));
      }
      case "slice": {
        const { start, step } = node.attrs;
        const index = indexOf(flat, aval.shape).map((i, axis) => at(start, axis) + i * at(step, axis));
        return this.of(source, flatOf(index, source.aval.shape));
      }
      case "concat": {
        const { axis } = node.attrs;
        const index = indexOf(flat, aval.shape);
        for (const part of src) {
          const { shape } = part.aval;
          if (at(index, axis) < at(shape, axis)) return this.of(part, flatOf(index, shape));
          index[axis] = at(index, axis) - at(shape, axis);
        }
        return this.#read(node, flat);
      }
      default:
        return this.#read(node, flat);
    }
  }

  #unit(node: Node, fn: Parameters<Units["add"]>[0]["fn"], operands: readonly Operand[]): Operand {
    const aval: Aval = { dtype: node.aval.dtype, shape: [] };
    const unit = this.#units.add({
      kind: "map",
      fn: fn ?? null,
      results: [aval],
      node,
      domain: [],
      operands,
    });
    return { kind: "value", value: resultOf(unit), view: { shape: [], offset: 0, strides: [], guard: null } };
  }

  #read(node: Node, flat: number): Operand {
    const operand = this.#operand(node);
    if (operand.kind === "literal") return operand;
    const { offset, strides, guard } = operand.view;
    const index = indexOf(flat, node.aval.shape);
    if (guard !== null && index.some((i, axis) => i < at(guard.lo, axis) || i >= at(guard.hi, axis))) {
      return { kind: "literal", value: guard.fill, dtype: node.aval.dtype };
    }
    const place = index.reduce((sum, i, axis) => sum + i * at(strides, axis), offset);
    if (operand.kind === "iota") return { kind: "literal", value: place, dtype: operand.dtype };
    return { ...operand, view: { shape: [], offset: place, strides: [], guard: null } };
  }
}
