/** Surgery: layers of a model exchanged, added and taken out by path. */
import { ConfigError, isPlainObject } from "../../util/index.ts";
import { checkLayer, type Layer } from "../layer.ts";
import { listed, Module, namedParameters, touch } from "../module.ts";
import { Sequential } from "../sequential.ts";
import { Parallel, Residual } from "../shape/branches.ts";
import { Identity } from "../shape/reshape.ts";

/** Where a layer is: in a list or in a field of a module (or of an object in it). */
interface Place {
  readonly owner: Module<never, unknown>;
  readonly container: object;
  readonly key: string;
  readonly value: unknown;
}

const step = (container: unknown, key: string): unknown =>
  (Array.isArray(container) || container instanceof Module || isPlainObject(container)) &&
  Object.hasOwn(container, key)
    ? Reflect.get(container, key)
    : undefined;

function placeOf(op: string, model: Module<never, unknown>, path: string): Place {
  const named = model.named(); // and modules learn their paths, for messages
  let owner = model;
  let container: unknown = model;
  const keys = path.split("/");
  for (const key of keys.slice(0, -1)) {
    container = step(container, key);
    if (container instanceof Module) owner = container;
  }
  const key = keys.at(-1) as string;
  const value = step(container, key);
  const isLayer = value instanceof Module || (typeof value === "function" && key !== "forward");
  if (!isLayer || typeof container !== "object" || container === null) {
    const layers = [...named].flatMap(([at, child]) => (at !== "" && child instanceof Module ? [at] : []));
    throw new ConfigError(
      `${op}: the path must be that of a layer; got "${path}". The model has ${listed(layers, "no layers")}.`,
    );
  }
  return { owner, container, key, value };
}

/** What runs plain functions, too. */
const takesFunctions = (owner: Module<never, unknown>): boolean =>
  owner instanceof Sequential || owner instanceof Residual || owner instanceof Parallel;

function checkFits(op: string, path: string, { owner, value }: Place, layer: Layer): void {
  checkLayer(op, path, layer);
  if (layer instanceof Module || takesFunctions(owner) || typeof value === "function") return;
  throw new ConfigError(
    `${op}: ${owner.label} calls ${path} as a module; got a function. Wrap it: new Sequential(${layer.name || "fn"}).`,
  );
}

/** Paths and what was compiled follow the new structure. */
function changed(model: Module<never, unknown>, owner: Module<never, unknown>): void {
  touch(owner);
  namedParameters(model);
}

/**
 * Puts `layer` in the place of the one at `path` of a Sequential, a list or a field, and returns the old one. Values move with the
 * layers that hold them; the new layer's parameters have none until they are loaded or initialised, which a Trainer does itself.
 * @throws ConfigError for a path without a layer, or a function where the model calls a module.
 * @example replace(model, "layers/4", new Linear(128, 100)); // another head
 */
export function replace(model: Module<never, unknown>, path: string, layer: Layer): Layer {
  const place = placeOf("replace", model, path);
  checkFits("replace", path, place, layer);
  Reflect.set(place.container, place.key, layer);
  changed(model, place.owner);
  return place.value as Layer;
}

function insert(op: string, model: Module<never, unknown>, path: string, layer: Layer, offset: 0 | 1): void {
  const place = placeOf(op, model, path);
  const { container, key, owner } = place;
  checkLayer(op, path, layer);
  if (Array.isArray(container)) {
    checkFits(op, path, place, layer);
    container.splice(Number(key) + offset, 0, layer);
  } else {
    const old = place.value as Layer;
    Reflect.set(container, key, offset === 0 ? new Sequential(layer, old) : new Sequential(old, layer));
  }
  changed(model, owner);
}

/**
 * Puts `layer` before the one at `path`: in a list the others move on by one; in a field a Sequential of both takes the place.
 * @throws ConfigError as `replace`.
 * @example insertBefore(model, "layers/1", new BatchNorm(128));
 */
export function insertBefore(model: Module<never, unknown>, path: string, layer: Layer): void {
  insert("insertBefore", model, path, layer, 0);
}

/** Puts `layer` after the one at `path`; see `insertBefore`. @example insertAfter(model, "layers/1", dropout(0.2)); */
export function insertAfter(model: Module<never, unknown>, path: string, layer: Layer): void {
  insert("insertAfter", model, path, layer, 1);
}

/**
 * Takes the layer at `path` out and returns it: in a list the others move up; in a field an Identity stands in its place.
 * @throws ConfigError for a path without a layer, or the only branch of a Parallel.
 * @example remove(model, "layers/2");
 */
export function remove(model: Module<never, unknown>, path: string): Layer {
  const { container, key, owner, value } = placeOf("remove", model, path);
  if (Array.isArray(container)) {
    if (owner instanceof Parallel && container.length === 1) {
      throw new ConfigError(`remove: ${owner.label} must keep a branch; got "${path}", its only one.`);
    }
    container.splice(Number(key), 1);
  } else Reflect.set(container, key, new Identity());
  changed(model, owner);
  return value as Layer;
}
