/** Categories as numbers: a column for each, or their place in an order. */
import { z } from "zod";
import { ConfigError, optionNames, rejectUnknown } from "../../util/index.ts";
import { distinctStrings, numberColumn, operation, strings, type Transform } from "./operation.ts";

const handling = z.enum(["zero", "column"]);
const categories = z
  .array(z.string())
  .refine((names) => new Set(names).size === names.length, { message: "categories must differ" });

export const oneHotEncoding = operation(
  "oneHot",
  ["category", "text"],
  z.strictObject({ categories, unknown: handling, missing: handling }),
  (column, fitted, note) => {
    const names = fitted.categories.map((category) => `${column.name}=${category}`);
    const places = new Map(fitted.categories.map((category, i) => [category, i]));
    const unknown = fitted.unknown === "column" ? names.push(`${column.name}:unknown`) - 1 : -1;
    const missing = fitted.missing === "column" ? names.push(`${column.name}:missing`) - 1 : -1;
    const values = strings(column);
    const columns = names.map(() => new Float64Array(values.length));
    const counts = { unknown: 0, missing: 0 };
    values.forEach((value, row) => {
      if (value === null) counts.missing++;
      else if (!places.has(value)) counts.unknown++;
      const place = value === null ? missing : (places.get(value) ?? unknown);
      const hot = columns[place];
      if (hot) hot[row] = 1;
    });
    note("unknown", counts.unknown);
    note("missing", counts.missing);
    return columns.map((data, i) => numberColumn(names[i] as string, data));
  },
);

export const ordinalEncoding = operation(
  "ordinal",
  ["category", "text"],
  z.strictObject({ categories, unknown: z.number() }),
  (column, fitted, note) => {
    const places = new Map(fitted.categories.map((category, i) => [category, i]));
    let unseen = 0;
    const values = Float64Array.from(strings(column), (value) => {
      if (value === null) return Number.NaN;
      const place = places.get(value);
      if (place === undefined) unseen++;
      return place ?? fitted.unknown;
    });
    note("unknown", unseen);
    return [numberColumn(column.name, values)];
  },
);

export interface OneHotOptions {
  /** A category that the training part lacks: 0 in all columns (default), or a column `<name>:unknown` of its own. */
  readonly unknown?: "zero" | "column";
  /** A missing value: 0 in all columns (default), or a column `<name>:missing` of its own. */
  readonly missing?: "zero" | "column";
}

const oneHotOptions = optionNames<OneHotOptions>({ unknown: true, missing: true });

/**
 * A column `<name>=<category>` of 0 and 1 for each category of the training part, sorted. Unseen and missing values are counted.
 *
 * @throws ConfigError for other options.
 * @example pipeline([on({ kind: "category" }, oneHot({ unknown: "column" }))]);
 */
export function oneHot(options: OneHotOptions = {}): Transform {
  rejectUnknown("oneHot", options, oneHotOptions);
  const { unknown = "zero", missing = "zero" } = options;
  for (const [name, value] of Object.entries({ unknown, missing })) {
    if (!handling.safeParse(value).success) {
      throw new ConfigError(`oneHot: ${name} must be "zero" or "column"; got ${JSON.stringify(value)}.`);
    }
  }
  return {
    operation: oneHotEncoding,
    fit: (column) => ({ categories: distinctStrings(column), unknown, missing }),
  };
}

export interface OrdinalOptions {
  /** The categories from lowest to highest; default: those of the training part, sorted. */
  readonly order?: readonly string[];
  /** What an unseen category becomes. Default -1. */
  readonly unknown?: number;
}

const ordinalOptions = optionNames<OrdinalOptions>({ order: true, unknown: true });

/**
 * The place of a category in an order, from 0; missing stays missing.
 *
 * @throws ConfigError where a category is named twice or `unknown` is no finite number.
 * @example pipeline([on(["size"], ordinal({ order: ["small", "medium", "large"] }))]);
 */
export function ordinal(options: OrdinalOptions = {}): Transform {
  rejectUnknown("ordinal", options, ordinalOptions);
  const { order, unknown = -1 } = options;
  if (order && new Set(order).size !== order.length) {
    throw new ConfigError(`ordinal: order must name each category once; got ${order.join(", ")}.`);
  }
  if (!Number.isFinite(unknown)) {
    throw new ConfigError(`ordinal: unknown must be a finite number; got ${unknown}.`);
  }
  return {
    operation: ordinalEncoding,
    fit: (column) => ({ categories: order ? [...order] : distinctStrings(column), unknown }),
  };
}
