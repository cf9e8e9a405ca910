/** initFrom: values from another model's tensors, as far as they fit. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, type Shape, sameShape } from "../../util/index.ts";
import { listed, type Module, namedParameters, type Tensors } from "../module.ts";

export interface InitFromOptions {
  /** Renames a tensor, gives it another layout, or leaves it out (null), before its path is looked for. */
  readonly map?: (path: string, tensor: Tensor) => readonly [path: string, tensor: Tensor] | null;
}

export interface InitReport {
  /** Paths that took their value from the tensors. */
  readonly matched: readonly string[];
  /** Paths of the model for which there was no tensor; they keep what they have. */
  readonly missing: readonly string[];
  /** Paths whose tensor has another shape; they keep what they have. */
  readonly reshaped: readonly { readonly path: string; readonly expected: Shape; readonly got: Shape }[];
  /** Tensors for which the model has no place. */
  readonly unused: readonly string[];
  /** The report as text. */
  toString(): string;
}

/**
 * Sets those parameters and buffers of the model for which `tensors` holds one of their path and shape, and reports the others: the
 * start of fine-tuning, where a head or a few layers differ. f16 and bf16 become f32. For files see `initFromFile` of nabla/io.
 * @throws ConfigError when nothing matches, or two tensors are mapped to one path.
 * @example
 * const report = initFrom(model, pretrained.parameters());
 * console.log(String(report)); // 40 of 42 set; missing: head/weight, head/bias
 */
export function initFrom(
  model: Module<never, unknown>,
  tensors: Tensors,
  options: InitFromOptions = {},
): InitReport {
  const named = namedParameters(model);
  const found = new Map<string, Tensor>();
  for (const [name, tensor] of Object.entries(tensors)) {
    const mapped = options.map ? options.map(name, tensor) : ([name, tensor] as const);
    if (mapped === null) continue;
    if (found.has(mapped[0])) {
      throw new ConfigError(
        `initFrom: two tensors must not share a path; got "${mapped[0]}" again from "${name}".`,
      );
    }
    found.set(...mapped);
  }
  const matched: string[] = [];
  const missing: string[] = [];
  const reshaped: { path: string; expected: Shape; got: Shape }[] = [];
  for (const [path, parameter] of named) {
    const tensor = found.get(path);
    if (tensor === undefined) missing.push(path);
    else if (!sameShape(tensor.shape, parameter.shape)) {
      reshaped.push({ path, expected: parameter.shape, got: tensor.shape });
    } else matched.push(path);
  }
  const unused = [...found.keys()].filter((path) => !named.has(path));
  if (matched.length === 0) {
    throw new ConfigError(
      `initFrom: a tensor must have the path and shape of a parameter; got ${listed([...found.keys()], "none")} for ${listed([...named.keys()])}. Rename them with map.`,
    );
  }
  for (const path of matched) {
    const tensor = found.get(path) as Tensor;
    const narrow = tensor.dtype === "f16" || tensor.dtype === "bf16";
    (named.get(path) as { value: Tensor }).value = narrow ? tensor.astype("f32") : tensor;
  }
  return { matched, missing, reshaped, unused, toString: () => text(matched, missing, reshaped, unused) };
}

function text(
  matched: readonly string[],
  missing: readonly string[],
  reshaped: InitReport["reshaped"],
  unused: readonly string[],
): string {
  const all = matched.length + missing.length + reshaped.length;
  const shapes = reshaped.map(
    ({ path, expected, got }) => `${path} is ${formatShape(expected)}, not ${formatShape(got)}`,
  );
  return [
    `${matched.length} of ${all} set`,
    ...(missing.length > 0 ? [`missing: ${listed(missing)}`] : []),
    ...(shapes.length > 0 ? [`of another shape: ${listed(shapes)}`] : []),
    ...(unused.length > 0 ? [`unused: ${listed(unused)}`] : []),
  ].join("; ");
}
