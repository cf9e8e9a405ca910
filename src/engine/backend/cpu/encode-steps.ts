/** Encodes every kind of step but the fused kernels. */
import { type Shape, sizeOf, UnsupportedError } from "../../../util/index.ts";
import {
  ACCUMULATOR,
  type ConvStep,
  type DType,
  type Epilogue,
  type GemmStep,
  type IndexStep,
  isFloat,
  type LoopStep,
  type MatrixAccess,
  type Plan,
  type Step,
  type WindowStep,
} from "../../ir/index.ts";
import { bufferOf, dtypeNumber } from "./buffers.ts";
import { encodeComposite } from "./composites.ts";
import { convAsProduct, type Product } from "./conv-product.ts";
import { type FusedEncoder, storedBits } from "./encode-fused.ts";
import type { Words } from "./words.ts";

/** As in native/program.h. */
const kinds = {
  fused: 0,
  gemm: 1,
  conv: 2,
  window: 3,
  cumulate: 4,
  gather: 5,
  scatter: 6,
  sort: 7,
  copy: 8,
  loop: 9,
} as const;
const reduceKinds = { sum: 0, max: 1, prod: 2 } as const;
const MOST_BATCH_AXES = 6;
const MOST_WINDOW_AXES = 6;
const SPATIAL = 3;

export function encodeSteps(
  plan: Plan,
  steps: readonly Step[],
  depth: number,
  fused: FusedEncoder,
  words: Words,
): void {
  words.push(steps.length);
  for (const step of steps) new StepEncoder(plan, depth, fused, words).encode(step);
}

class StepEncoder {
  constructor(
    readonly plan: Plan,
    readonly depth: number,
    readonly fused: FusedEncoder,
    readonly words: Words,
  ) {}

  encode(step: Step): void {
    const { words } = this;
    switch (step.kind) {
      case "fused":
        words.push(kinds.fused);
        this.fused.step(step.body, step.segments, words);
        break;
      case "gemm":
        this.#gemm(step);
        break;
      case "conv":
        this.#conv(step);
        break;
      case "window":
        if (step.op === "cumulate") this.#cumulate(step);
        else this.#window(step);
        break;
      case "index":
        if (step.op === "gather") this.#gather(step);
        else this.#scatter(step);
        break;
      case "sort": {
        const { dtype, shape } = this.#aval(step.src);
        words.push(kinds.sort, dtypeNumber(dtype), step.descending ? 1 : 0);
        this.#box(shape, step.axis);
        words.wide(step.k);
        words.push(step.src, step.out);
        break;
      }
      case "collective": {
        // One process: every collective hands its operand on.
        const { dtype, shape } = this.#aval(step.src);
        words.push(kinds.copy, dtypeNumber(dtype));
        words.wide(sizeOf(shape));
        words.push(step.src, step.out);
        break;
      }
      case "loop":
        this.#loop(step);
        break;
      case "composite":
        encodeComposite(step, words);
        break;
      default:
        step satisfies never;
    }
  }

  #aval(buffer: number) {
    return bufferOf(this.plan, buffer).aval;
  }

  /** [outer, length, inner] around an axis. */
  #box(shape: Shape, axis: number): void {
    this.words.wide(sizeOf(shape.slice(0, axis)), shape[axis] as number, sizeOf(shape.slice(axis + 1)));
  }

  #gemm({ epilogue, ...product }: GemmStep): void {
    const plain = plainStore(epilogue);
    const rank = product.batch.length;
    const out = plain && {
      buffer: plain.buffer,
      offset: plain.offset,
      batchStrides: plain.strides.slice(0, rank),
      rowStride: plain.strides[rank] as number,
      colStride: plain.strides[rank + 1] as number,
    };
    this.#product(product, out, epilogue);
  }

  /** `out`: where the results go as they are, or null when the epilogue takes them. */
  #product({ precision, batch, m, n, k, a, b }: Product, out: MatrixAccess | null, epilogue: Epilogue): void {
    const { words } = this;
    const strides = [a.batchStrides, b.batchStrides, out?.batchStrides ?? []];
    const merged = mergeBatch(batch, strides);
    if (merged.sizes.length > MOST_BATCH_AXES) {
      throw new UnsupportedError(
        `matmul: the cpu device takes at most ${MOST_BATCH_AXES} batch axes; got ${batch.length}.`,
      );
    }
    words.push(kinds.gemm, precision === "bf16" ? 1 : 0, merged.sizes.length);
    words.wide(...merged.sizes, m, n, k);
    const matrix = ({ buffer, offset, rowStride, colStride }: MatrixAccess, of: number) => {
      words.push(buffer);
      words.wide(offset, ...(merged.strides[of] as number[]), rowStride, colStride);
    };
    matrix(a, 0);
    matrix(b, 1);
    words.push(out === null ? 0 : 1);
    if (out !== null) matrix(out, 2);
    else this.fused.epilogue(epilogue.body, epilogue.segment, words);
  }

  #conv(step: ConvStep): void {
    const { words } = this;
    const { x, w, y, stride, padding, dilation, epilogue } = step;
    const rank = x.length - 2;
    const plain = plainStore(epilogue);
    const whole = plain !== null && plain.offset === 0 && isContiguous(epilogue.segment.shape, plain.strides);
    const product = convAsProduct(step);
    if (product !== null) {
      const out = {
        buffer: plain?.buffer ?? 0,
        offset: 0,
        batchStrides: [],
        rowStride: product.n,
        colStride: 1,
      };
      this.#product(product, whole ? out : null, epilogue);
      return;
    }
    if (rank > SPATIAL)
      throw new UnsupportedError(`conv: the cpu device takes at most ${SPATIAL} spatial axes; got ${rank}.`);
    words.push(kinds.conv, { conv: 0, convInputGrad: 1, convFilterGrad: 2 }[step.op]);
    words.wide(x[0] as number, x[rank + 1] as number, y[rank + 1] as number, step.groups);
    for (let lifted = rank - SPATIAL; lifted < rank; lifted++) {
      const at = (list: readonly number[], offset: number) =>
        lifted < 0 ? 1 : (list[lifted + offset] as number);
      words.wide(
        at(x, 1),
        at(w, 0),
        at(y, 1),
        at(stride, 0),
        lifted < 0 ? 0 : (padding[lifted]?.[0] as number),
        at(dilation, 0),
      );
    }
    words.push(step.a, step.b);
    words.push(whole ? 1 : 0);
    if (whole) words.push(plain.buffer);
    else this.fused.epilogue(epilogue.body, epilogue.segment, words);
  }

  #window(step: Exclude<WindowStep, { op: "cumulate" }>): void {
    const { words } = this;
    const { dtype, shape } = this.#aval(step.src);
    const out = this.#aval(step.out).shape;
    const axes = mergeIdle(
      shape.map((size, axis) => ({
        size,
        out: out[axis] as number,
        window: step.window[axis] as number,
        stride: step.stride[axis] as number,
        padLo: (step.padding[axis] as readonly [number, number])[0],
        dilation: step.dilation[axis] as number,
      })),
    );
    if (axes.length > MOST_WINDOW_AXES) {
      throw new UnsupportedError(
        `${step.op}: the cpu device takes at most ${MOST_WINDOW_AXES} axes; got ${axes.length}.`,
      );
    }
    words.push(
      kinds.window,
      step.op === "argWindow" ? 1 : 0,
      dtypeNumber(dtype),
      reduceKinds[step.reduce],
      axes.length,
    );
    for (const axis of axes)
      words.wide(axis.size, axis.out, axis.window, axis.stride, axis.padLo, axis.dilation);
    words.push(step.src, step.out);
  }

  #cumulate(step: Extract<WindowStep, { op: "cumulate" }>): void {
    const { dtype, shape } = this.#aval(step.src);
    this.words.push(kinds.cumulate, dtypeNumber(dtype), reduceKinds[step.reduce], step.reverse ? 1 : 0);
    this.#box(shape, step.axis);
    this.words.push(step.src, step.out);
  }

  /** Indices per line: all of them, or those along the axis. */
  #count(indices: number, axis: number, along: boolean): number {
    const { shape } = this.#aval(indices);
    return along ? (shape[axis] as number) : sizeOf(shape);
  }

  #gather(step: Extract<IndexStep, { op: "gather" }>): void {
    const { words } = this;
    const { dtype, shape } = this.#aval(step.src);
    words.push(
      kinds.gather,
      dtypeNumber(dtype),
      step.along ? 1 : 0,
      storedBits(step.fill ?? outOfRange(dtype), dtype),
    );
    this.#box(shape, step.axis);
    words.wide(this.#count(step.indices, step.axis, step.along));
    words.push(step.src, step.indices, step.out);
  }

  #scatter(step: Extract<IndexStep, { op: "scatter" }>): void {
    const { words } = this;
    const { dtype, shape } = this.#aval(step.base);
    words.push(kinds.scatter, dtypeNumber(dtype), step.along ? 1 : 0, step.mode === "add" ? 1 : 0);
    this.#box(shape, step.axis);
    words.wide(this.#count(step.indices, step.axis, step.along));
    words.push(step.base, step.indices, step.updates, step.out);
  }

  #loop(step: LoopStep): void {
    const { words } = this;
    words.push(kinds.loop);
    words.wide(step.length);
    const slices = slicesOf(this.plan, step, this.depth);
    words.push(step.reverse ? 1 : 0, ...(step.guard === undefined ? [0] : [1, step.guard]));
    words.push(slices.length, ...slices);
    encodeSteps(this.plan, step.steps, this.depth + 1, this.fused, words);
  }
}

/** What a gather gives for an index there is not. */
const outOfRange = (dtype: DType): number => (isFloat(dtype) ? Number.NaN : 0);

/** Where an epilogue puts its results when it does nothing else with them. */
function plainStore({
  body,
  segment,
}: Epilogue): { buffer: number; offset: number; strides: readonly number[] } | null {
  const [only] = body.instrs;
  const [store] = segment.stores;
  const isPlain =
    body.instrs.length === 1 &&
    only?.op === "load" &&
    segment.loads[only.load]?.buffer === ACCUMULATOR &&
    body.stores.length === 1 &&
    body.stores[0]?.dtype === "f32";
  return isPlain && store !== undefined ? store : null;
}

function isContiguous(shape: Shape, strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 1) continue;
    if (strides[axis] !== expected) return false;
    expected *= shape[axis] as number;
  }
  return true;
}

/** Batch axes merged where every matrix steps evenly through both. */
function mergeBatch(
  batch: Shape,
  strides: readonly (readonly number[])[],
): { sizes: number[]; strides: number[][] } {
  const sizes: number[] = [];
  const out = strides.map((): number[] => []);
  batch.forEach((size, axis) => {
    if (size === 1) return;
    const even =
      sizes.length > 0 &&
      strides.every((of, i) => of.length === 0 || out[i]?.at(-1) === (of[axis] as number) * size);
    if (even) {
      sizes[sizes.length - 1] = (sizes.at(-1) as number) * size;
      strides.forEach((of, i) => {
        if (of.length > 0) (out[i] as number[])[sizes.length - 1] = of[axis] as number;
      });
      return;
    }
    sizes.push(size);
    strides.forEach((of, i) => {
      if (of.length > 0) (out[i] as number[]).push(of[axis] as number);
    });
  });
  return { sizes, strides: out };
}

interface WindowAxis {
  size: number;
  out: number;
  readonly window: number;
  readonly stride: number;
  readonly padLo: number;
  readonly dilation: number;
}

/** Neighbouring axes without a window become one. */
function mergeIdle(axes: readonly WindowAxis[]): WindowAxis[] {
  const idle = ({ window, stride, padLo, size, out }: WindowAxis) =>
    window === 1 && stride === 1 && padLo === 0 && size === out;
  const merged: WindowAxis[] = [];
  for (const axis of axes) {
    const last = merged.at(-1);
    if (last !== undefined && idle(last) && idle(axis)) {
      last.size *= axis.size;
      last.out *= axis.out;
    } else {
      merged.push({ ...axis });
    }
  }
  return merged;
}

/** Buffers a loop moves: the slices of its depth that steps in it use, and theirs that they are cut from; parents first. */
function slicesOf(plan: Plan, loop: LoopStep, depth: number): number[] {
  const found = new Set<number>();
  const visit = (index: number): void => {
    const place = plan.buffers[index]?.place;
    if (place?.in !== "slice" || found.has(index)) return;
    visit(place.parent);
    if (place.depth === depth) found.add(index);
  };
  for (const index of buffersIn(loop.steps)) visit(index);
  return [...found];
}

function buffersIn(steps: readonly Step[]): number[] {
  return steps.flatMap((step): number[] => {
    switch (step.kind) {
      case "fused":
        return step.segments.flatMap(({ loads, stores }) =>
          [...loads, ...stores].map(({ buffer }) => buffer),
        );
      case "gemm":
      case "conv": {
        const { loads, stores } = step.epilogue.segment;
        const operands = step.kind === "gemm" ? [step.a.buffer, step.b.buffer] : [step.a, step.b];
        return [...operands, ...[...loads, ...stores].map(({ buffer }) => buffer)];
      }
      case "window":
      case "sort":
      case "collective":
        return [step.src, step.out];
      case "index":
        return step.op === "gather"
          ? [step.src, step.indices, step.out]
          : [step.base, step.indices, step.updates, step.out];
      case "composite":
        return [...step.inputs.map(({ buffer }) => buffer), ...step.outputs];
      case "loop":
        return [...(step.guard === undefined ? [] : [step.guard]), ...buffersIn(step.steps)];
      default:
        return step satisfies never;
    }
  });
}
