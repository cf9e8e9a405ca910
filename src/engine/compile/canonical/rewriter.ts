/** Builds canonical nodes: every node passes through the rules of its op and equal nodes become one (hash-consing). */
import { type Shape, sizeOf } from "../../../util/index.ts";
import { type Attrs, type Aval, type MatmulPrecision, type Node, type Op, rawNode } from "../../ir/index.ts";

/** The simpler node that op(src) is, or null to keep it. */
export type Rule<K extends Op> = (
  b: Rewriter,
  src: readonly Node[],
  attrs: Attrs[K],
  aval: Aval,
) => Node | null;

export type Rules = { readonly [K in Op]?: Rule<K> };

/** Ops whose attributes hold graphs or stand for an effect: never shared. */
const unshared: ReadonlySet<Op> = new Set<Op>(["input", "loop", "collective"]);

/** The name of the composite that a gate is; it exists in canonical graphs only. */
export const GATE = "gate";

function attrsKey(attrs: unknown): string {
  return JSON.stringify(attrs, (name, value: unknown) => {
    if (name === "body") return undefined; // of a composite: its name and parameters tell
    if (typeof value !== "number") return value;
    if (Object.is(value, -0)) return "-0";
    return Number.isFinite(value) ? value : String(value);
  });
}

export class Rewriter {
  readonly #rules: Rules;
  readonly #known = new Map<string, Node>();
  /** What products are computed in: sums of products of elements would not be. */
  readonly precision: MatmulPrecision;

  constructor(rules: Rules, precision: MatmulPrecision) {
    this.#rules = rules;
    this.precision = precision;
  }

  /** The canonical node for op(src). */
  make<K extends Op>(op: K, src: readonly Node[], attrs: Attrs[K], aval: Aval, outs?: readonly Aval[]): Node {
    // A tensor without elements holds nothing to compute.
    if (op !== "input" && outs === undefined && op !== "const" && sizeOf(aval.shape) === 0) {
      return this.const(aval, 0);
    }
    const rule = this.#rules[op] as Rule<K> | undefined;
    return rule?.(this, src, attrs, aval) ?? this.#intern(op, src, attrs, aval, outs);
  }

  /** `x`, but for nobody to read before every one of `others` exists; equal to no other node, nor is what is made of it. */
  gate(x: Node, others: readonly Node[]): Node {
    const params = [x, ...others].map(({ aval }) => rawNode("input", [], aval, {}));
    const body = { params, outs: params.slice(0, 1) };
    return rawNode("composite", [x, ...others], x.aval, { name: GATE, body }, [x.aval]);
  }

  const(aval: Aval, value: number): Node {
    return this.#intern("const", [], { value }, aval);
  }

  reshape(x: Node, shape: Shape): Node {
    return this.make("reshape", [x], {}, { dtype: x.aval.dtype, shape });
  }

  #intern<K extends Op>(
    op: K,
    src: readonly Node[],
    attrs: Attrs[K],
    aval: Aval,
    outs?: readonly Aval[],
  ): Node {
    if (unshared.has(op)) return rawNode(op, src, aval, attrs, outs);
    let key = `${op} ${aval.dtype} ${aval.shape}`;
    for (const source of src) key += `,${source.id}`;
    for (const _ in attrs) {
      key += attrsKey(attrs);
      break;
    }
    let node = this.#known.get(key);
    if (node === undefined) {
      node = rawNode(op, src, aval, attrs, outs);
      this.#known.set(key, node);
    }
    return node;
  }
}
