/** einsum: any sum of products, lowered to diagonals, sums, products and matmul. */
import { sizeOf } from "../../util/index.ts";
import { asFloat } from "./apply.ts";
import { mul } from "./arithmetic.ts";
import { matmul } from "./contraction.ts";
import { broadcastTo, moveAxis, permute, reshape } from "./movement.ts";
import { sum } from "./reduce.ts";
import { diagonal } from "./slicing.ts";
import { type Label, parseSubscripts } from "./subscripts.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/** A tensor with a label per axis, all different. */
interface Labelled {
  readonly x: Tensor;
  readonly labels: readonly Label[];
}

/**
 * Einstein's summation, in f32: axes with the same letter are matched, letters not in the output are summed over.
 * A letter twice in one operand takes the diagonal; "..." stands for any further axes and broadcasts; without "->" the output is
 * the ellipsis and the letters met once, alphabetically. Pairs are contracted in the order that costs least at each step.
 * @throws ConfigError for a wrong text; ShapeError where sizes differ.
 * @example einsum("bqd,bkd->bqk", queries, keys)
 * @example einsum("ii", a) // trace
 */
export function einsum(subscripts: string, ...operands: readonly TensorLike[]): Tensor {
  const tensors = operands.map((x) => asFloat("einsum", x));
  const { inputs, output, sizes } = parseSubscripts(
    subscripts,
    tensors.map((x) => x.shape),
  );
  let terms = inputs.map((labels, i) => withoutOnes(diagonals(tensors[i] as Tensor, labels)));
  while (terms.length > 1) {
    const [i, j] = cheapestPair(terms, sizes);
    const rest = terms.filter((_, k) => k !== i && k !== j);
    const kept = new Set([...output, ...rest.flatMap((term) => term.labels)]);
    terms = [...rest, contract(terms[i] as Labelled, terms[j] as Labelled, kept)];
  }
  const last = sumOut(terms[0] as Labelled, new Set(output));
  const present = output.filter((label) => last.labels.includes(label));
  const ordered = permute(
    last.x,
    present.map((label) => last.labels.indexOf(label)),
  );
  // Labels of size 1 were taken out.
  const sizesOut = output.map((label) => sizes.get(label) as number);
  return reshape(ordered, sizesOut);
}

/** Equal labels become one axis. */
function diagonals(x: Tensor, labels: readonly Label[]): Labelled {
  const twice = labels.findIndex((label, axis) => labels.indexOf(label) !== axis);
  if (twice === -1) return { x, labels };
  const first = labels.indexOf(labels[twice] as Label);
  const size = Math.max(x.shape[first] as number, x.shape[twice] as number);
  const square = broadcastTo(
    x,
    x.shape.map((length, axis) => (axis === first || axis === twice ? size : length)),
  );
  const merged = moveAxis(diagonal(square, first, twice), -1, first);
  return diagonals(
    merged,
    labels.filter((_, axis) => axis !== twice),
  );
}

/** Axes of size 1 match anything, so they need no label; a label of size 1 everywhere is put back at the end. */
function withoutOnes({ x, labels }: Labelled): Labelled {
  const kept = labels.filter((_, axis) => x.shape[axis] !== 1);
  return {
    x: reshape(
      x,
      x.shape.filter((size) => size !== 1),
    ),
    labels: kept,
  };
}

/** The two terms whose contraction takes the fewest multiplications. */
function cheapestPair(terms: readonly Labelled[], sizes: ReadonlyMap<Label, number>): [number, number] {
  let best: [number, number] = [0, 1];
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < terms.length; i++) {
    for (let j = i + 1; j < terms.length; j++) {
      const labels = new Set([...(terms[i] as Labelled).labels, ...(terms[j] as Labelled).labels]);
      const cost = sizeOf([...labels].map((label) => sizes.get(label) as number));
      if (cost < least) [best, least] = [[i, j], cost];
    }
  }
  return best;
}

/** Sums over labels nobody needs any more. */
function sumOut({ x, labels }: Labelled, needed: ReadonlySet<Label>): Labelled {
  const gone = labels.flatMap((label, axis) => (needed.has(label) ? [] : [axis]));
  if (gone.length === 0) return { x, labels };
  return { x: sum(x, gone), labels: labels.filter((label) => needed.has(label)) };
}

function contract(a: Labelled, b: Labelled, kept: ReadonlySet<Label>): Labelled {
  const left = sumOut(a, new Set([...kept, ...b.labels]));
  const right = sumOut(b, new Set([...kept, ...a.labels]));
  const shared = left.labels.filter((label) => right.labels.includes(label));
  const batch = shared.filter((label) => kept.has(label));
  const inner = shared.filter((label) => !kept.has(label));
  const rows = left.labels.filter((label) => !shared.includes(label));
  const columns = right.labels.filter((label) => !shared.includes(label));
  const order = ({ x, labels }: Labelled, wanted: readonly Label[]) =>
    permute(
      x,
      wanted.map((label) => labels.indexOf(label)),
    );
  const sizesOf = ({ x, labels }: Labelled, wanted: readonly Label[]) =>
    wanted.map((label) => x.shape[labels.indexOf(label)] as number);
  const [b0, m, k, n] = [
    sizesOf(left, batch),
    sizesOf(left, rows),
    sizesOf(left, inner),
    sizesOf(right, columns),
  ];
  const labels = [...batch, ...rows, ...columns];
  if (inner.length === 0 || (rows.length === 0 && columns.length === 0)) {
    // No matrix product in it: an elementwise one fuses with what is around.
    const p = reshape(order(left, [...batch, ...rows, ...inner]), [...b0, ...m, ...n.map(() => 1), ...k]);
    const q = reshape(order(right, [...batch, ...columns, ...inner]), [...b0, ...m.map(() => 1), ...n, ...k]);
    const product = mul(p, q);
    const axes = k.map((_, i) => labels.length + i);
    return { x: axes.length === 0 ? product : sum(product, axes), labels };
  }
  const p = reshape(order(left, [...batch, ...rows, ...inner]), [...b0, sizeOf(m), sizeOf(k)]);
  const q = reshape(order(right, [...batch, ...inner, ...columns]), [...b0, sizeOf(k), sizeOf(n)]);
  return { x: reshape(matmul(p, q), [...b0, ...m, ...n]), labels };
}
