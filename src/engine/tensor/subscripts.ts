/** The language of einsum: text to labels and sizes. */
import { ConfigError, type Shape, ShapeError } from "../../util/index.ts";

/** One letter, or `.0`, `.1`, ... for the axes an ellipsis stands for, counted from the right. */
export type Label = string;

export interface Subscripts {
  /** Labels of each operand's axes. */
  readonly inputs: readonly (readonly Label[])[];
  readonly output: readonly Label[];
  readonly sizes: ReadonlyMap<Label, number>;
}

/** Splits one term into letters and "...". */
function tokens(term: string, text: string): string[] {
  const found = term.match(/\.\.\.|[A-Za-z]/g) ?? [];
  if (found.join("") !== term || found.filter((token) => token === "...").length > 1) {
    throw new ConfigError(
      `einsum: a term must be letters and at most one "..."; got "${term}" in "${text}".`,
    );
  }
  return found;
}

/**
 * Reads `ij,jk->ik` for operands of these shapes. Without `->` the output has the ellipsis axes, then the letters met once,
 * in alphabetical order. Throws ConfigError for a wrong text, ShapeError where it does not fit the shapes.
 */
export function parseSubscripts(text: string, shapes: readonly Shape[]): Subscripts {
  const [left, right, ...more] = text.replace(/\s/g, "").split("->");
  if (left === undefined || more.length > 0) {
    throw new ConfigError(`einsum: there must be at most one "->"; got "${text}".`);
  }
  const terms = left.split(",").map((term) => tokens(term, text));
  if (terms.length !== shapes.length) {
    throw new ConfigError(
      `einsum: there must be as many terms as operands; got ${terms.length} in "${text}" for ${shapes.length}.`,
    );
  }
  const inputs = terms.map((term, i) => expandEllipsis(term, shapes[i] as Shape, text));
  const dots = [...new Set(inputs.flat().filter((label) => label.startsWith(".")))].sort(fromLeft);
  const output = right === undefined ? implicitOutput(inputs, dots) : explicitOutput(right, dots, text);
  const sizes = unifySizes(inputs, shapes, text);
  const unknown = output.find((label) => !sizes.has(label));
  if (unknown !== undefined || new Set(output).size !== output.length) {
    throw new ConfigError(
      `einsum: each letter of the output must be in an operand, and only once in the output; got "${text}".`,
    );
  }
  return { inputs, output, sizes };
}

/** `.1` stands left of `.0`. */
const fromLeft = (a: Label, b: Label): number => Number(b.slice(1)) - Number(a.slice(1));

function expandEllipsis(term: readonly string[], shape: Shape, text: string): Label[] {
  const letters = term.filter((token) => token !== "...").length;
  const hidden = shape.length - letters;
  if (hidden < 0 || (hidden > 0 && letters === term.length)) {
    throw new ShapeError(
      `einsum: a term must name each axis of its operand; got "${term.join("")}" in "${text}" for shape [${shape}].`,
    );
  }
  return term.flatMap((token) =>
    token === "..." ? Array.from({ length: hidden }, (_, i) => `.${hidden - 1 - i}`) : [token],
  );
}

function implicitOutput(inputs: readonly (readonly Label[])[], dots: readonly Label[]): Label[] {
  const all = inputs.flat().filter((label) => !label.startsWith("."));
  const once = all.filter((label) => all.indexOf(label) === all.lastIndexOf(label));
  return [...dots, ...once.sort()];
}

const explicitOutput = (term: string, dots: readonly Label[], text: string): Label[] =>
  tokens(term, text).flatMap((token) => (token === "..." ? dots : [token]));

/** Equal letters have equal sizes, or 1, which broadcasts. */
function unifySizes(
  inputs: readonly (readonly Label[])[],
  shapes: readonly Shape[],
  text: string,
): Map<Label, number> {
  const sizes = new Map<Label, number>();
  inputs.forEach((labels, i) => {
    labels.forEach((label, axis) => {
      const size = (shapes[i] as Shape)[axis] as number;
      const known = sizes.get(label) ?? 1;
      if (known !== 1 && size !== 1 && known !== size) {
        throw new ShapeError(
          `einsum: axes of one letter must have equal sizes; got ${known} and ${size} for "${label}" in "${text}".`,
        );
      }
      sizes.set(label, known === 1 ? size : known);
    });
  });
  return sizes;
}
