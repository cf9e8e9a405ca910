/** What compile takes besides the device's capabilities. */
import type { MatmulPrecision, Node } from "../ir/index.ts";

export interface CompileGraph {
  /** Tensors that exist when the plan runs: `input` nodes, or any nodes that count as leaves here. */
  readonly inputs: readonly Node[];
  readonly outputs: readonly Node[];
  /** Per input: its memory is given to the run. */
  readonly donated: readonly boolean[];
  /** 0-d inputs whose value is a host number given at each run. */
  readonly scalars?: readonly Node[] | undefined;
  /**
   * [output, input]: the output must end in the memory of that donated input. Without it, outputs are paired with donated
   * inputs of the same aval in order.
   */
  readonly pairs?: readonly (readonly [number, number])[] | undefined;
}

export interface CompileOptions {
  /** Merge operations into kernels. Default true. */
  readonly fuse?: boolean | undefined;
  /** Let outputs take the memory of donated inputs. Default true. */
  readonly donate?: boolean | undefined;
  /** Let arena buffers of disjoint lifetimes share memory. Default true. */
  readonly reuse?: boolean | undefined;
  /** Of every matrix product of the plan. Default "f32". */
  readonly matmulPrecision?: MatmulPrecision | undefined;
  /** Check the graph and the plan between passes. Default false; tests set it. */
  readonly verify?: boolean | undefined;
}
