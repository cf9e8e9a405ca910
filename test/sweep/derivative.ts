/** Derivative rules against central differences, all in f64: the rule itself is tested, apart from any device. */
import { isFloat, type Node } from "../../src/engine/ir/index.ts";
import { build as b, backward, evaluateGraph } from "../../src/engine/ops/index.ts";
import { paramsOf } from "./case.ts";
import { random } from "./data.ts";
import { decode, type Host } from "./host.ts";

export interface Smooth {
  readonly name: string;
  /** Points where the function is smooth; integer inputs are constants. */
  readonly inputs: readonly Host[];
  readonly build: (params: readonly Node[]) => readonly Node[];
}

const step = 1e-5;
const tolerance = 1e-6;

type Values = Map<Node, Float64Array>;

/** Of sum(w * outs) for fixed random w, the gradients of every float input: by rule, and by differences. */
export function compareDerivatives({ name, inputs, build }: Smooth): string[] {
  const params = paramsOf(inputs);
  const outs = build(params).filter(({ aval }) => isFloat(aval.dtype));
  const weights = outs.map(({ aval }, i) => random(`${name}/w${i}`, aval.shape));
  const cotangents = paramsOf(weights);
  const wrt = params.filter(({ aval }) => isFloat(aval.dtype));
  const values: Values = new Map(params.map((param, i) => [param, decode(inputs[i] as Host)]));
  cotangents.forEach((node, i) => {
    values.set(node, decode(weights[i] as Host));
  });
  const grads = backward(outs, cotangents, wrt);
  const present = grads.filter((grad) => grad !== null);
  const results = evaluateGraph(present, values);
  const loss = (bound: Values): number =>
    evaluateGraph(outs, bound).reduce(
      (sum, out, i) =>
        sum + out.reduce((part, y, j) => part + y * (values.get(cotangents[i] as Node)?.[j] as number), 0),
      0,
    );
  const problems: string[] = [];
  let next = 0;
  wrt.forEach((param, which) => {
    const base = values.get(param) as Float64Array;
    const rule = grads[which] === null ? null : (results[next++] as Float64Array);
    for (let i = 0; i < base.length; i++) {
      const at = (delta: number) => {
        const moved = base.slice();
        moved[i] = (moved[i] as number) + delta;
        return loss(new Map(values).set(param, moved));
      };
      const numeric = (at(step) - at(-step)) / (2 * step);
      const got = rule === null ? 0 : (rule[i] as number);
      if (!(Math.abs(got - numeric) <= tolerance * Math.max(1, Math.abs(numeric)))) {
        problems.push(`input ${which} [${i}]: rule ${got}, differences ${numeric}`);
      }
    }
  });
  return problems;
}

/** The gradients as a graph of their own, to run on a device: params are the inputs and the cotangents. */
export function gradientGraph({ name, inputs, build }: Smooth): {
  readonly inputs: readonly Host[];
  readonly build: (params: readonly Node[]) => readonly Node[];
} {
  const outs = build(paramsOf(inputs)).filter(({ aval }) => isFloat(aval.dtype));
  const weights = outs.map(({ aval }, i) => random(`${name}/w${i}`, aval.shape));
  return {
    inputs: [...inputs, ...weights],
    build: (params) => {
      const own = params.slice(0, inputs.length);
      const results = build(own).filter(({ aval }) => isFloat(aval.dtype));
      const wrt = own.filter(({ aval }) => isFloat(aval.dtype));
      const grads = backward(results, params.slice(inputs.length), wrt);
      return grads.map((grad, i) => grad ?? b.fill(wrt[i] as Node, 0));
    },
  };
}
