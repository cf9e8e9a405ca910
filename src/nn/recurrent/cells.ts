/** One step of each recurrent net, as functions: composites, so that a device may run a step as one kernel. */
import { composite, relu, sigmoid, type Tensor, tanh } from "../../engine/tensor/index.ts";

export type Nonlinearity = "tanh" | "relu";

const squash = { tanh, relu };

/**
 * h' = f(x + h W), for the projected input x: [batch, hidden], h: [batch, hidden], W: [hidden, hidden].
 * Elman, "Finding structure in time", 1990.
 */
export function rnnCell(x: Tensor, h: Tensor, weight: Tensor, nonlinearity: Nonlinearity): Tensor {
  const step = ([projected, state, w]: readonly Tensor[]) => [
    squash[nonlinearity]((projected as Tensor).add((state as Tensor).matmul(w as Tensor))),
  ];
  return composite([x, h, weight], step, { name: `rnnCell.${nonlinearity}` })[0] as Tensor;
}

/**
 * i, f, g, o = x + h W in four parts; c' = s(f) c + s(i) tanh(g); h' = s(o) tanh(c'), with s the sigmoid, for the projected input
 * x: [batch, 4 hidden], h and c: [batch, hidden], W: [hidden, 4 hidden]. Gives [h', c'].
 * Hochreiter and Schmidhuber, "Long short-term memory", 1997; Gers et al., "Learning to forget", 2000.
 */
export function lstmCell(x: Tensor, h: Tensor, c: Tensor, weight: Tensor): [h: Tensor, c: Tensor] {
  const step = ([projected, output, cell, w]: readonly Tensor[]) => {
    const gates = (projected as Tensor).add((output as Tensor).matmul(w as Tensor));
    const [input, forget, candidate, out] = gates.split(4, -1) as [Tensor, Tensor, Tensor, Tensor];
    const next = sigmoid(forget)
      .mul(cell as Tensor)
      .add(sigmoid(input).mul(tanh(candidate)));
    return [sigmoid(out).mul(tanh(next)), next];
  };
  return composite([x, h, c, weight], step, { name: "lstmCell" }) as [Tensor, Tensor];
}

/**
 * r, z, n = x in three parts, r', z', n' = h W + b likewise; h' = (1 - u) tanh(n + s(r + r') n') + u h with u = s(z + z') and s the
 * sigmoid, for the projected input x: [batch, 3 hidden], h: [batch, hidden], W: [hidden, 3 hidden], b: [3 hidden].
 * The reset gate works on the product n' ("reset after", as PyTorch and cuDNN), not on h before it as in the first version of the paper.
 * Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014.
 */
export function gruCell(x: Tensor, h: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  const step = ([projected, state, w, b]: readonly Tensor[]) => {
    const hidden = state as Tensor;
    const product = hidden.matmul(w as Tensor);
    const [r, z, n] = (projected as Tensor).split(3, -1) as [Tensor, Tensor, Tensor];
    const [ofR, ofZ, ofN] = (b === undefined ? product : product.add(b)).split(3, -1) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const reset = sigmoid(r.add(ofR));
    const update = sigmoid(z.add(ofZ));
    const candidate = tanh(n.add(reset.mul(ofN)));
    // (1 - u) n + u h with one product.
    return [candidate.add(update.mul(hidden.sub(candidate)))];
  };
  const inputs = bias === null ? [x, h, weight] : [x, h, weight, bias];
  return composite(inputs, step, { name: "gruCell" })[0] as Tensor;
}
