/** The composites that the cpu device has a kernel for, and their words. See `AttentionTask` in native/kernels.h. */
import { InternalError } from "../../../util/index.ts";
import type { CompositeStep, TensorAccess } from "../../ir/index.ts";
import { storedBits } from "./encode-fused.ts";
import type { Words } from "./words.ts";

/** As in native/program.h. */
const ATTENTION = 10;

export const composites: ReadonlySet<string> = new Set(["attention", "attention.backward"]);

/** Writes a step whose name is one of `composites`. */
export function encodeComposite(step: CompositeStep, words: Words): void {
  const { name, params, inputs, outputs } = step;
  if (!composites.has(name)) throw new InternalError(`cpu: there is no kernel of the name ${name}`);
  const [q, k, v] = inputs as [TensorAccess, TensorAccess, TensorAccess];
  const [batch, queries, heads, width] = q.shape as [number, number, number, number];
  const [, keys, groups] = k.shape as [number, number, number];
  const flag = (value: unknown) => (value === true ? 1 : 0);
  words.push(ATTENTION, flag(name === "attention.backward"), flag(params.causal), flag(params.masked));
  words.push(storedBits(Number(params.scale), "f32"));
  words.wide(batch, queries, keys, heads, groups, width, v.shape[3] as number);
  inputs.forEach((input, index) => {
    const isMask = index === 3 && params.masked === true;
    words.push(input.buffer);
    words.wide(input.offset, ...walk(input).slice(0, isMask ? 4 : 3));
  });
  words.push(...outputs);
}

/** Strides, with 0 for axes of size 1: a mask's broadcast. */
const walk = ({ shape, strides }: TensorAccess): number[] =>
  strides.map((stride, axis) => (shape[axis] === 1 ? 0 : stride));
