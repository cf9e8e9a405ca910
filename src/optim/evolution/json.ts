/** States of searches as text, to the bit. */
import { ConfigError, DataError, isPlainObject } from "../../util/index.ts";
import type { EvolutionState } from "./evolution.ts";

/** Numbers that JSON has no words for. */
const words = new Map<string, number>([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["-0", -0],
]);

const word = (value: number): number | string =>
  Object.is(value, -0) ? "-0" : Number.isFinite(value) ? value : String(value);

/**
 * A state as JSON: arrays of float64 become { "f64": [...] }, and NaN, the infinities and -0 strings. JSON's decimals are the shortest that
 * read back as the same bits. `structuredClone` and `v8.serialize` also keep states exactly.
 * @example writeFileSync("search.json", evolutionToJson(state));
 */
export function evolutionToJson(state: EvolutionState): string {
  return JSON.stringify(encode(state));
}

function encode(value: unknown): unknown {
  if (typeof value === "number") return word(value);
  if (value instanceof Float64Array) return { f64: Array.from(value, word) };
  if (Array.isArray(value)) return value.map(encode);
  if (isPlainObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, encode(child)]));
  }
  throw new ConfigError(
    `evolutionToJson: a state must hold numbers and float64 arrays; got ${typeof value}.`,
  );
}

/**
 * The state that `evolutionToJson` wrote; to be gone on from by a search with the same options.
 * @throws DataError for text that is none.
 * @example const state = evolutionFromJson<CmaState>(readFileSync("search.json", "utf8"));
 */
export function evolutionFromJson<S extends EvolutionState>(text: string): S {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw new DataError(`evolutionFromJson: the text must be JSON; ${(cause as Error).message}.`, { cause });
  }
  const state = decode(raw);
  if (isState<S>(state)) return state;
  throw new DataError("evolutionFromJson: the text must be a state that evolutionToJson wrote.");
}

const isState = <S extends EvolutionState>(value: unknown): value is S =>
  isPlainObject(value) && typeof value.generation === "number" && isPlainObject(value.best);

function decode(value: unknown): unknown {
  if (typeof value === "number") return value;
  if (typeof value === "string") {
    const number = words.get(value);
    if (number === undefined)
      throw new DataError(`evolutionFromJson: got ${JSON.stringify(value)} for a number.`);
    return number;
  }
  if (Array.isArray(value)) return value.map(decode);
  if (!isPlainObject(value))
    throw new DataError(`evolutionFromJson: a state holds numbers; got ${String(value)}.`);
  if (Array.isArray(value.f64)) return Float64Array.from(value.f64, (child) => decode(child) as number);
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, decode(child)]));
}
