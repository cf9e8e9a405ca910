/** Module: a node of the model's tree; its fields that are modules, parameters or arrays of them are its children. */
import { random, type Tensor } from "../engine/tensor/index.ts";
import { ConfigError, isPlainObject } from "../util/index.ts";
import type { Context } from "./context.ts";
import { hashPath } from "./hash.ts";
import { Parameter } from "./parameter.ts";

/** Tensors by path, as in `{ "layers/0/weight": Tensor }`. */
export type Tensors = Readonly<Record<string, Tensor>>;

/**
 * A layer or a model. Children are found in the fields of the object (TypeScript-private ones too, `#private` ones not),
 * in arrays and in plain objects; a child met twice counts once, under its first path.
 *
 * @example
 * class Residual extends Module {
 *   readonly inner = new Linear(64, 64);
 *   forward(x: Tensor, ctx: Context): Tensor {
 *     return x.add(relu(this.inner.forward(x, ctx)));
 *   }
 * }
 */
export abstract class Module<Input = Tensor, Output = Tensor> {
  /** Where it is in the model that was last initialised or applied; empty for the root. */
  path = "";
  /** When one of its fields was last exchanged; see `revisionOf`. */
  revision = 0;

  /** The layer's function. Pure but for `ctx`: randomness from `ctx.key(this)`, new state through `ctx.put`. */
  abstract forward(input: Input, ctx: Context): Output;

  /** For messages: `Linear layers/2`. */
  get label(): string {
    return this.path === "" ? this.constructor.name : `${this.constructor.name} ${this.path}`;
  }

  /**
   * Gives every parameter a fresh value from its initialiser; equal seeds give equal values. Each parameter's key is derived
   * from its path, so a layer that is added or removed leaves the others' values as they are. Returns this.
   * @example const model = new Sequential(new Linear(784, 128), relu, new Linear(128, 10)).init(0);
   */
  init(seed: number | Tensor): this {
    const key = typeof seed === "number" ? random.key(seed) : seed;
    for (const [path, parameter] of namedParameters(this)) {
      parameter.value = parameter.initializer(random.foldIn(key, hashPath(path)), parameter.shape);
    }
    return this;
  }

  /** The values of the trainable parameters. Throws ConfigError where one has none. */
  parameters(): Record<string, Tensor> {
    return valuesWhere(this, (parameter) => parameter.trainable);
  }

  /** The values of the parameters that are not trained: statistics and frozen weights. */
  buffers(): Record<string, Tensor> {
    return valuesWhere(this, (parameter) => !parameter.trainable);
  }

  /**
   * Every module and parameter of the tree by path, parents first, what is met twice once; the model itself is "".
   * @example for (const [path, child] of model.named()) if (child instanceof BatchNorm) console.log(path);
   */
  named(): Map<string, Module<never, unknown> | Parameter> {
    const found = new Map<string, Module<never, unknown> | Parameter>();
    visitModule(this, (child, path) => {
      child.path = path;
      found.set(path, child);
    });
    return found;
  }

  /**
   * Takes over the values of some or all of the model's parameters and buffers.
   * @throws ConfigError for a path the model does not have; ShapeError for another shape. Nothing is changed then.
   */
  load(tensors: Tensors): this {
    bind(this, tensors);
    return this;
  }
}

function valuesWhere(
  module: Module<never, unknown>,
  keep: (parameter: Parameter) => boolean,
): Record<string, Tensor> {
  const values: Record<string, Tensor> = {};
  for (const [path, parameter] of namedParameters(module)) {
    if (keep(parameter)) values[path] = parameter.value;
  }
  return values;
}

/** Visits modules and parameters, parents first, each once, in the order of fields. */
export function visitModule(
  root: Module<never, unknown>,
  visit: (child: Module<never, unknown> | Parameter, path: string) => void,
): void {
  const seen = new Set<object>();
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    const inside = (key: string | number) => (path === "" ? String(key) : `${path}/${key}`);
    if (value instanceof Parameter) {
      seen.add(value);
      visit(value, path);
    } else if (Array.isArray(value)) {
      seen.add(value);
      value.forEach((child, index) => {
        walk(child, inside(index));
      });
    } else if (value instanceof Module || isPlainObject(value)) {
      seen.add(value);
      if (value instanceof Module) visit(value, path);
      for (const [key, child] of Object.entries(value)) walk(child, inside(key));
    }
  };
  walk(root, "");
}

/** Every parameter by path, tied ones once; as a side effect modules and parameters learn their paths. */
export function namedParameters(root: Module<never, unknown>): Map<string, Parameter> {
  const found = new Map<string, Parameter>();
  visitModule(root, (child, path) => {
    child.path = path;
    if (child instanceof Parameter) found.set(path, child);
  });
  return found;
}

let clock = 0;

/** Notes that a field of `module` was exchanged, so that what was compiled of the model is out of date. */
export function touch(module: Module<never, unknown>): void {
  clock += 1;
  module.revision = clock;
}

/** A number that grows when the structure of a model changes: what was compiled at another one is out of date. */
export function revisionOf(root: Module<never, unknown>): number {
  let latest = 0;
  visitModule(root, (child) => {
    if (child instanceof Module) latest = Math.max(latest, child.revision);
  });
  return latest;
}

/** Sets parameters by path and returns how to take it back; sets none if one does not fit. */
export function bind(root: Module<never, unknown>, tensors: Tensors): () => void {
  const named = namedParameters(root);
  const before: (readonly [Parameter, Tensor | null])[] = [];
  const restore = () => {
    for (const [parameter, value] of before) parameter.swap(value);
  };
  try {
    for (const [path, value] of Object.entries(tensors)) {
      const parameter = named.get(path);
      if (parameter === undefined) {
        throw new ConfigError(
          `${root.constructor.name}: every path must be one of the model's; got "${path}". It has ${listed([...named.keys()])}.`,
        );
      }
      before.push([parameter, parameter.swap(value)]);
    }
  } catch (error) {
    restore();
    throw error;
  }
  return restore;
}

/** The first paths, for messages; `none` where there is none. */
export function listed(paths: readonly string[], none = "no parameters"): string {
  if (paths.length === 0) return none;
  return paths.length > 8 ? `${paths.slice(0, 8).join(", ")} and ${paths.length - 8} more` : paths.join(", ");
}
