/** Sequences of different lengths in one batch: which steps are there. */
import { arange, type Tensor, tensor } from "../../engine/tensor/index.ts";
import { ConfigError, DataError, DTypeError, formatShape, ShapeError } from "../../util/index.ts";

export interface SequenceMask {
  /** Steps of each sequence, the rest being padding: i32 [batch], or a list on the host. */
  readonly lengths?: Tensor | readonly number[];
  /** Or true where a step is there: bool [batch, time]. */
  readonly mask?: Tensor;
}

/** bool [batch, time], or null when every step is there. Throws ShapeError, DTypeError, DataError, ConfigError. */
export function stepMask(label: string, x: Tensor, { lengths, mask }: SequenceMask): Tensor | null {
  const [batch, time] = x.shape as [number, number];
  if (lengths === undefined && mask === undefined) return null;
  if (lengths !== undefined && mask !== undefined) {
    throw new ConfigError(`${label}: lengths or mask must be given, not both.`);
  }
  if (mask !== undefined) {
    if (mask.ndim === 2 && mask.shape[0] === batch && mask.shape[1] === time) {
      if (mask.dtype === "bool") return mask;
      throw new DTypeError(`${label}: mask must be bool; got ${mask.dtype}${formatShape(mask.shape)}.`);
    }
    throw new ShapeError(
      `${label}: mask must be [${batch},${time}] as the input; got ${mask.dtype}${formatShape(mask.shape)}.`,
    );
  }
  const steps = lengthsOf(label, lengths as Tensor | readonly number[], batch, time, x.device);
  return arange(time).lt(steps.unsqueeze(-1));
}

function lengthsOf(
  label: string,
  lengths: Tensor | readonly number[],
  batch: number,
  time: number,
  device: string,
): Tensor {
  const count = "node" in lengths ? formatShape(lengths.shape) : `[${lengths.length}]`;
  if (count !== `[${batch}]`) {
    throw new ShapeError(`${label}: lengths must be [${batch}], one per sequence; got ${count}.`);
  }
  if ("node" in lengths) {
    if (lengths.dtype === "i32") return lengths;
    throw new DTypeError(`${label}: lengths must be i32; got ${lengths.dtype}${count}.`);
  }
  lengths.forEach((length, i) => {
    if (!Number.isInteger(length) || length < 0 || length > time) {
      throw new DataError(
        `${label}: lengths must be whole numbers in [0, ${time}]; got ${length} at [${i}].`,
      );
    }
  });
  return tensor([...lengths], { dtype: "i32", device });
}
