/** Remedies that change a model, before it has values. */
import {
  dropout,
  gelu,
  heUniform,
  insertAfter,
  insertBefore,
  type Layer,
  LayerNorm,
  Linear,
  leakyRelu,
  Module,
  orthogonal,
  RecurrentCell,
  relu,
  remove,
  replace,
  Sequential,
  tanh,
  unfreeze,
  xavierUniform,
  zeros,
} from "../../nn/index.ts";
import { ConfigError } from "../../util/index.ts";
import { isConv } from "../layers.ts";
import type { Remedy } from "../remedy.ts";

/** Not every model can take every remedy. */
const cannot = (what: string): ConfigError => new ConfigError(`applyRemedies: ${what}`);

const modulesOf = (model: Module): [path: string, module: Module<never, unknown>][] =>
  [...model.named()].flatMap(([path, child]) => (child instanceof Module ? [[path, child]] : []));

function linears(model: Module): [path: string, layer: Linear][] {
  const found = modulesOf(model).flatMap(([path, child]): [string, Linear][] =>
    child instanceof Linear && path !== "" ? [[path, child]] : [],
  );
  if (found.length === 0) throw cannot("the model must have linear layers.");
  return found;
}

/** Plain functions that stand in a Sequential, by name. */
function functions(model: Module, name: string): string[] {
  const found = modulesOf(model).flatMap(([path, child]) =>
    child instanceof Sequential
      ? child.layers.flatMap((layer, i) =>
          typeof layer === "function" && layer.name === name
            ? [`${path === "" ? "" : `${path}/`}layers/${i}`]
            : [],
        )
      : [],
  );
  if (found.length === 0) throw cannot(`the model must have ${name} as a layer of a Sequential.`);
  return found;
}

const activations: Readonly<Record<Extract<Remedy, { kind: "activation" }>["to"], Layer>> = {
  relu,
  leakyRelu: (x) => leakyRelu(x),
  tanh,
  gelu,
};

/** Throws ConfigError where the model has nothing that the remedy is for; undefined for remedies of other kinds. */
export function remedyOfModel(remedy: Remedy): ((model: Module) => Module) | undefined {
  const change = changeOf(remedy);
  if (change === undefined) return undefined;
  return (model) => {
    change(model);
    return model;
  };
}

function changeOf(remedy: Remedy): ((model: Module) => void) | undefined {
  switch (remedy.kind) {
    case "remove-layer":
      return (model) => void remove(model, remedy.path);
    case "output-width":
      return (model) => {
        const [path, last] = linears(model).at(-1) as [string, Linear];
        replace(model, path, new Linear(last.inputs, remedy.outputs, { bias: last.bias !== null }));
      };
    case "activation":
      return (model) => {
        for (const path of functions(model, remedy.from)) replace(model, path, activations[remedy.to]);
      };
    case "initialise":
      return (model) => {
        const by = { heUniform, xavierUniform }[remedy.by];
        const layers = modulesOf(model).flatMap(([, child]) =>
          child instanceof Linear || isConv(child) ? [child] : [],
        );
        if (layers.length === 0) throw cannot("the model must have linear layers or convolutions.");
        for (const { weight, bias } of layers) {
          weight.initializer = by;
          if (bias !== null) bias.initializer = zeros;
        }
      };
    case "initialise-recurrent":
      return (model) => {
        const cells = modulesOf(model).flatMap(([, child]) =>
          child instanceof RecurrentCell ? [child] : [],
        );
        if (cells.length === 0) throw cannot("the model must have recurrent cells.");
        for (const cell of cells) cell.hiddenWeight.initializer = orthogonal();
      };
    case "normalise-layers":
      return (model) => {
        const hidden = linears(model).slice(0, -1).reverse();
        if (hidden.length === 0) throw cannot("the model must have a hidden linear layer.");
        for (const [path, { outputs }] of hidden) insertAfter(model, path, new LayerNorm(outputs));
      };
    case "unfreeze":
      return (model) => void unfreeze(model, "**");
    case "dropout":
      return (model) => {
        const [path] = linears(model).at(-1) as [string, Linear];
        insertBefore(model, path, dropout(remedy.rate));
      };
    case "widen":
      return (model) => widen(model, remedy.factor);
    default:
      return undefined;
  }
}

/** Of linear layers in a row with plain functions between: what else stands there may count the units. */
function widen(model: Module, factor: number): void {
  const plain =
    model instanceof Sequential &&
    model.layers.every((layer) => typeof layer === "function" || layer instanceof Linear);
  const layers = linears(model);
  if (!plain || layers.length < 2)
    throw cannot("to be widened the model must be hidden linear layers in a Sequential.");
  layers.forEach(([path, { inputs, outputs, bias }], i) => {
    const wide = (size: number) => Math.max(1, Math.round(size * factor));
    const [from, to] = [i === 0 ? inputs : wide(inputs), i === layers.length - 1 ? outputs : wide(outputs)];
    replace(model, path, new Linear(from, to, { bias: bias !== null }));
  });
}
