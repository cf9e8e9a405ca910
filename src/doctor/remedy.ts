/** Remedies: changes of an experiment as plain data, so that they can be tried, written down and read by other programs. */

export type Remedy =
  /** Another learning rate; of a schedule, all of its rates times `factor`. */
  | { readonly kind: "learning-rate"; readonly factor: number }
  /** Gradients clipped to this global norm before anything else. */
  | { readonly kind: "clip-gradients"; readonly maxNorm: number }
  /** The learning rate grows linearly over the first steps. */
  | { readonly kind: "warm-up"; readonly steps: number }
  /** Rows in a batch times `factor`. */
  | { readonly kind: "batch-size"; readonly factor: number }
  | { readonly kind: "shuffle" }
  /** Each column of the inputs to mean 0 and deviation 1, fitted on the training data. */
  | { readonly kind: "standardise-inputs" }
  | { readonly kind: "standardise-targets" }
  /** Rows with a NaN or an infinity are left out. */
  | { readonly kind: "drop-rows-not-finite" }
  /** Class numbers less this. */
  | { readonly kind: "shift-labels"; readonly by: number }
  /** The last layer gets so many outputs. */
  | { readonly kind: "output-width"; readonly outputs: number }
  /** Takes out the layer at this path. */
  | { readonly kind: "remove-layer"; readonly path: string }
  /** Replaces the plain functions of that name. */
  | {
      readonly kind: "activation";
      readonly from: string;
      readonly to: "relu" | "leakyRelu" | "tanh" | "gelu";
    }
  /** Weights of linear and convolution layers by this rule, their biases 0. */
  | { readonly kind: "initialise"; readonly by: "heUniform" | "xavierUniform" }
  /** Recurrent weights orthogonal. */
  | { readonly kind: "initialise-recurrent" }
  /** A layer norm after each linear layer but the last. */
  | { readonly kind: "normalise-layers" }
  | { readonly kind: "unfreeze" }
  /** The optimizer without the decay it has, which must be adam's or sgd's of the same rate. */
  | { readonly kind: "no-weight-decay" }
  | { readonly kind: "weight-decay"; readonly value: number }
  /** Dropout before the last linear layer. */
  | { readonly kind: "dropout"; readonly rate: number }
  /** Hidden units of linear layers times `factor`. */
  | { readonly kind: "widen"; readonly factor: number }
  /** Ends where the validation loss is least. */
  | { readonly kind: "early-stopping"; readonly patience: number }
  /** What only a person can do. */
  | { readonly kind: "advice"; readonly text: string };

/** A remedy in words. */
export function remedyWords(remedy: Remedy): string {
  switch (remedy.kind) {
    case "learning-rate":
      return `learning rate times ${Number(remedy.factor.toPrecision(2))}`;
    case "clip-gradients":
      return `clip gradients to a norm of ${remedy.maxNorm}`;
    case "warm-up":
      return `warm up over ${remedy.steps} steps`;
    case "batch-size":
      return `batches ${remedy.factor} times as large`;
    case "shuffle":
      return "shuffle the rows each epoch";
    case "standardise-inputs":
      return "standardise the inputs";
    case "standardise-targets":
      return "standardise the targets";
    case "drop-rows-not-finite":
      return "leave out rows that are not finite";
    case "shift-labels":
      return `subtract ${remedy.by} from the labels`;
    case "output-width":
      return `give the last layer ${remedy.outputs} outputs`;
    case "remove-layer":
      return `take out ${remedy.path}`;
    case "activation":
      return `${remedy.to} in place of ${remedy.from}`;
    case "initialise":
      return `initialise the weights by ${remedy.by}`;
    case "initialise-recurrent":
      return "initialise the recurrent weights orthogonally";
    case "normalise-layers":
      return "a layer norm after each hidden layer";
    case "unfreeze":
      return "unfreeze the frozen layers";
    case "no-weight-decay":
      return "no weight decay";
    case "weight-decay":
      return `weight decay of ${remedy.value}`;
    case "dropout":
      return `dropout of ${remedy.rate} before the last layer`;
    case "widen":
      return `hidden layers ${remedy.factor} times as wide`;
    case "early-stopping":
      return `stop after ${remedy.patience} epochs without a better validation loss`;
    case "advice":
      return remedy.text;
    default:
      return remedy satisfies never;
  }
}
