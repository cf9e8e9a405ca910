/** Muon's direction: the momentum of a matrix with all its singular values made about 1. */
import { maximum, type Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, flattenTree, optionNames, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer, type TensorTree, zerosOf } from "../optimizer.ts";
import { checkRange, checkWhole } from "../range.ts";
import { meanOf } from "./means.ts";

export interface MuonScaleOptions {
  /** Decay of the mean of gradients. Default 0.95. */
  readonly momentum?: Hyper;
  /** Look ahead: orthogonalise momentum * m + (1 - momentum) g. Default true. */
  readonly nesterov?: boolean;
  /** Iterations of Newton-Schulz. Default 5, after which singular values lie in about 0.7 to 1.2. */
  readonly steps?: number;
  /** a, b and c of the iteration. Default those of the author, tuned for few steps: 3.4445, -4.775, 2.0315. */
  readonly coefficients?: readonly [a: number, b: number, c: number];
  /** Least norm divided by. Default 1e-7. */
  readonly epsilon?: number;
  /**
   * How long an update is, by the matrix [inputs, outputs]: "original", sqrt(max(1, outputs / inputs)), or "adamW",
   * 0.2 sqrt(max(inputs, outputs)), whose root mean square is AdamW's, so that its learning rates go on fitting (Liu et al. 2025).
   */
  readonly scale?: "original" | "adamW";
}

export const muonOptions = optionNames<MuonScaleOptions>({
  momentum: true,
  nesterov: true,
  steps: true,
  coefficients: true,
  epsilon: true,
  scale: true,
});

type MuonState = HyperState & { readonly mu: TensorTree };

/**
 * X <- a X + (b A + c A^2) X with A = X X^T, `steps` times from X = matrix / |matrix|: the singular values go to about 1, the singular
 * vectors stay. Of a matrix taller than wide the transposed is iterated, whose A is smaller.
 * Jordan et al. 2024; Bernstein and Newhouse, "Old optimizer, new norm", 2024.
 */
export function newtonSchulz(
  matrix: Tensor,
  options: Pick<MuonScaleOptions, "steps" | "coefficients" | "epsilon"> = {},
): Tensor {
  const { steps = 5, coefficients = [3.4445, -4.775, 2.0315], epsilon = 1e-7 } = options;
  const [a, b, c] = coefficients;
  const [rows, cols] = matrix.shape as [number, number];
  const wide = rows > cols ? matrix.transpose() : matrix;
  let x = wide.div(maximum(wide.square().sum().sqrt(), epsilon));
  for (let i = 0; i < steps; i++) {
    const gram = x.matmul(x.transpose());
    x = x.mul(a).add(gram.mul(b).add(gram.matmul(gram).mul(c)).matmul(x));
  }
  return rows > cols ? x.transpose() : x;
}

/**
 * m <- momentum m + (1 - momentum) g;  u = scale * newtonSchulz(m), or of momentum m + (1 - momentum) g with `nesterov`.
 * For matrices; tensors of more axes count as [all but the last, last]. State: 4 bytes per f32 parameter. A step costs
 * `steps` * 6 * inputs * outputs * min(inputs, outputs) operations.
 * Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
 * @throws ConfigError for values out of range and, from `init`, for parameters of fewer than two axes.
 */
export function scaleByMuon(options: MuonScaleOptions = {}): Optimizer<MuonState> {
  const op = "scaleByMuon";
  rejectUnknown(op, options, muonOptions);
  const { momentum = 0.95, nesterov = true, steps = 5, epsilon = 1e-7, scale = "original" } = options;
  checkWhole(op, "steps", steps, 1);
  checkRange(op, "epsilon", epsilon, { above: 0 });
  const hyper = hyperSet(op, { momentum: [momentum, { min: 0, below: 1 }] }, ["momentum"]);
  const orthogonal = (g: Tensor): Tensor => {
    const outputs = g.shape.at(-1) as number;
    const inputs = g.size / outputs;
    const length =
      scale === "original"
        ? Math.sqrt(Math.max(1, outputs / inputs))
        : 0.2 * Math.sqrt(Math.max(inputs, outputs));
    return newtonSchulz(g.reshape([inputs, outputs]), { ...options, steps, epsilon })
      .mul(length)
      .reshape(g.shape);
  };
  return {
    traits: { name: op, stage: "direction", schedules: hyper.schedules },
    init(params) {
      const { leaves, paths } = flattenTree(params);
      leaves.forEach((leaf, at) => {
        if ((leaf as Tensor).ndim > 1) return;
        throw new ConfigError(
          `${op}: parameters must have two axes or more; "${paths[at]}" has ${(leaf as Tensor).ndim}. muon() gives the others to AdamW.`,
        );
      });
      return { ...hyper.init(deviceOfTree(op, params)), mu: zerosOf(op, params) };
    },
    update(grads, state) {
      const now = hyper.at(state);
      const [beta, rest] = [now.value("momentum"), now.complement("momentum")];
      const mu = meanOf(op, grads, state.mu, beta, rest);
      const updates = mapTensors(
        op,
        (g, m) => orthogonal(nesterov ? (m as Tensor).mul(beta).add(g.mul(rest)) : (m as Tensor)),
        grads,
        mu,
      );
      return [updates, { ...now.next, mu }];
    },
  };
}
