/** The sizes that a convolution and its transpose have alike, checked when a layer is made. */
import { type ConvPadding, type PerAxis, resolvePadding } from "../../engine/tensor/index.ts";
import { ConfigError } from "../../util/index.ts";
import { perSpatial, positive } from "../images.ts";

export interface ConvSizes {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: ConvPadding;
  readonly groups: number;
}

/** As they are given; left out, 1 and "valid". */
interface Given {
  readonly stride?: PerAxis;
  readonly padding?: ConvPadding;
  readonly dilation?: PerAxis;
  readonly groups?: number;
}

/** Throws ConfigError for sizes that are not positive integers, groups that divide not both channels, padding below 0. */
export function convSizes(
  op: string,
  rank: number,
  channels: readonly [inputs: number, outputs: number],
  kernel: PerAxis,
  { stride = 1, padding = "valid", dilation = 1, groups = 1 }: Given,
): ConvSizes {
  const [inputs, outputs] = channels;
  positive(op, "inputs", inputs);
  positive(op, "outputs", outputs);
  positive(op, "groups", groups);
  if (inputs % groups !== 0 || outputs % groups !== 0) {
    throw new ConfigError(
      `${op}: groups must divide inputs and outputs; got ${groups} groups, ${inputs} inputs and ${outputs} outputs.`,
    );
  }
  return {
    kernel: perSpatial(op, "kernel", kernel, rank, 1),
    stride: perSpatial(op, "stride", stride, rank, 1),
    dilation: perSpatial(op, "dilation", dilation, rank, 1),
    padding: checkPadding(op, padding, rank),
    groups,
  };
}

/** Throws ConfigError for a padding that windows over `rank` axes cannot have. */
export function checkPadding(op: string, padding: ConvPadding, rank: number): ConvPadding {
  const one = new Array<number>(rank).fill(1);
  const pairs = resolvePadding(op, padding, { sizes: one, window: one, stride: one, dilation: one });
  const whole = (size: number) => Number.isInteger(size) && size >= 0;
  if (pairs.every((pair) => pair.length === 2 && pair.every(whole))) return padding;
  throw new ConfigError(
    `${op}: padding must be whole numbers of at least 0; got ${JSON.stringify(padding)}.`,
  );
}
