/** Which columns a step is for: by name, kind or pattern. */
import { ConfigError, suggestion } from "../../util/index.ts";
import type { Column } from "../table/table.ts";
import type { Kind } from "./operation.ts";

/** A name, a pattern, or all of a kind; a list takes what any of them does. */
export type Columns = Selector | readonly Selector[];
export type Selector = string | RegExp | { readonly kind: Kind };

const kinds: readonly Kind[] = ["number", "date", "category", "text"];

/** Throws ConfigError for a name that is not there, and a kind or a pattern that is none. */
export function selectColumns(columns: readonly Column[], wanted: Columns): Column[] {
  const selectors = Array.isArray(wanted) ? (wanted as readonly Selector[]) : [wanted as Selector];
  const names = columns.map(({ name }) => name);
  for (const selector of selectors) {
    if (typeof selector === "string") {
      if (!names.includes(selector)) {
        throw new ConfigError(`on: there is no column "${selector}".${suggestion(selector, names)}`);
      }
    } else if (!(selector instanceof RegExp) && !kinds.includes(selector?.kind)) {
      throw new ConfigError(
        `on: columns must be named, or chosen by a pattern or { kind: "number" | "date" | "category" | "text" }; got ${JSON.stringify(selector)}.`,
      );
    }
  }
  const matches =
    ({ name, kind }: Column) =>
    (selector: Selector) =>
      typeof selector === "string"
        ? selector === name
        : selector instanceof RegExp
          ? name.search(selector) >= 0
          : selector.kind === kind;
  return columns.filter((column) => selectors.some(matches(column)));
}
