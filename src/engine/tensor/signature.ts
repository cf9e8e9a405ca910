/** The signature of a call: what jit keys its plans by, and a fast check whether a call has the one it had last time. */
import { ConfigError, isPlainObject, UnsupportedError } from "../../util/index.ts";
import { type Aval, formatAval, type Node, sameAval } from "../ir/index.ts";
import { type Device, defaultDevice, realize, type Storage, storageOf } from "../runtime/index.ts";
import { Tensor } from "./tensor.ts";

/** A tree of arguments with each leaf reduced to what a plan depends on. Object keys are sorted. */
export type Template =
  | { readonly kind: "array"; readonly items: readonly Template[] }
  | { readonly kind: "object"; readonly keys: readonly string[]; readonly items: readonly Template[] }
  | { readonly kind: "tensor"; readonly aval: Aval; readonly donated: boolean }
  | { readonly kind: "number" }
  | { readonly kind: "static"; readonly value: unknown };

/** What a call brings: the memory of its tensors and its numbers, in the order of the tree's leaves. */
export interface Call {
  readonly device: Device;
  readonly storages: readonly Storage[];
  readonly numbers: readonly number[];
}

export interface Signature {
  readonly key: string;
  readonly args: readonly Template[];
  readonly call: Call;
}

/** Reads a call's arguments, computing those tensors that are not yet. Throws ConfigError for a leaf that cannot be an argument. */
export function readSignature(
  name: string,
  args: readonly unknown[],
  donate: ReadonlySet<number>,
): Signature {
  const nodes: Node[] = [];
  const numbers: number[] = [];
  const read = (value: unknown, position: number, path: string): Template => {
    if (value instanceof Tensor) {
      nodes.push(value.node);
      return { kind: "tensor", aval: value.node.aval, donated: donate.has(position) };
    }
    if (typeof value === "number") {
      numbers.push(value);
      return { kind: "number" };
    }
    if (Array.isArray(value)) {
      return { kind: "array", items: value.map((item, index) => read(item, position, `${path}/${index}`)) };
    }
    if (isPlainObject(value)) {
      const keys = Object.keys(value).sort();
      return { kind: "object", keys, items: keys.map((key) => read(value[key], position, `${path}/${key}`)) };
    }
    if (value === null || ["string", "boolean", "undefined", "bigint"].includes(typeof value)) {
      return { kind: "static", value };
    }
    throw new ConfigError(
      `${name}: argument ${position}${path && ` at ${path.slice(1)}`} must be a tensor, number, string, boolean or null; got ${describe(value)}. Capture other values by closure.`,
    );
  };
  const templates = args.map((arg, position) => read(arg, position, ""));
  realize(nodes.filter((node) => node.value === null));
  const storages = nodes.map((node) => storageOf(node) as Storage);
  const device = storages[0]?.device ?? defaultDevice();
  const stranger = storages.find((storage) => storage.device !== device);
  if (stranger !== undefined) {
    throw new UnsupportedError(
      `${name}: all arguments must be on one device; got ${device.name} and ${stranger.device.name}. Move one with await t.to("${device.name}").`,
    );
  }
  return {
    key: `${device.name}|${templates.map(keyOf).join("|")}`,
    args: templates,
    call: { device, storages, numbers },
  };
}

function keyOf(template: Template): string {
  switch (template.kind) {
    case "array":
      return `[${template.items.map(keyOf).join(",")}]`;
    case "object":
      return `{${template.keys.map((key, i) => `${JSON.stringify(key)}:${keyOf(template.items[i] as Template)}`).join(",")}}`;
    case "tensor":
      return `${formatAval(template.aval)}${template.donated ? "!" : ""}`;
    case "number":
      return "#";
    case "static":
      return `${typeof template.value}=${JSON.stringify(String(template.value))}`;
    default:
      return template satisfies never;
  }
}

/** The call, if its arguments have exactly this signature and are all computed; else null, and `readSignature` knows more. */
export function matchSignature(
  templates: readonly Template[],
  args: readonly unknown[],
  device: Device,
): Call | null {
  if (args.length !== templates.length) return null;
  const call = { device, storages: [], numbers: [] };
  for (let i = 0; i < templates.length; i++) {
    if (!matches(templates[i] as Template, args[i], call)) return null;
  }
  return call;
}

/** Whether `value` has the form of `template`; its tensors and numbers go to `call`. Part of every call, hence without closures. */
function matches(
  template: Template,
  value: unknown,
  call: { readonly device: Device; readonly storages: Storage[]; readonly numbers: number[] },
): boolean {
  switch (template.kind) {
    case "tensor": {
      if (!(value instanceof Tensor)) return false;
      const { node } = value;
      const storage = storageOf(node);
      if (storage === null || storage.device !== call.device) return false;
      if (node.aval !== template.aval && !sameAval(node.aval, template.aval)) return false;
      call.storages.push(storage);
      return true;
    }
    case "number":
      if (typeof value !== "number") return false;
      call.numbers.push(value);
      return true;
    case "static":
      return Object.is(value, template.value);
    case "array": {
      const { items } = template;
      if (!Array.isArray(value) || value.length !== items.length) return false;
      for (let i = 0; i < items.length; i++) {
        if (!matches(items[i] as Template, value[i], call)) return false;
      }
      return true;
    }
    case "object": {
      const { keys, items } = template;
      if (!isPlainObject(value) || Object.keys(value).length !== keys.length) return false;
      for (let i = 0; i < keys.length; i++) {
        if (!matches(items[i] as Template, value[keys[i] as string], call)) return false;
      }
      return true;
    }
    default:
      return template satisfies never;
  }
}

/** A tree in the form of `template` whose leaves `leaf` makes, in order. */
export function buildTree(template: Template, leaf: (template: Template) => unknown): unknown {
  switch (template.kind) {
    case "array":
      return template.items.map((item) => buildTree(item, leaf));
    case "object":
      return Object.fromEntries(
        template.keys.map((key, index) => [key, buildTree(template.items[index] as Template, leaf)]),
      );
    default:
      return leaf(template);
  }
}

/** The leaves of a template in order. */
export function leavesOf(template: Template): Template[] {
  if (template.kind !== "array" && template.kind !== "object") return [template];
  return template.items.flatMap(leavesOf);
}

function describe(value: unknown): string {
  if (typeof value === "function") return "a function";
  return value?.constructor?.name ?? typeof value;
}
