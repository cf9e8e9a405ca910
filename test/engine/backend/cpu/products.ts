import type { Epilogue, GemmStep } from "../../../../src/engine/ir/index.ts";
import { stridesOf } from "../../../../src/util/index.ts";
import { BodyMaker, segment, whole } from "./plans.ts";

export const accumulator = (shape: readonly number[]) => ({
  buffer: -1,
  offset: 0,
  strides: stridesOf(shape),
});

export function plainEpilogue(out: number, shape: readonly number[], strides = stridesOf(shape)): Epilogue {
  const body = new BodyMaker();
  body.store(body.load());
  return {
    body: body.body(),
    segment: segment(shape, 0, [accumulator(shape)], [{ buffer: out, offset: 0, strides }]),
  };
}

/** relu(x + bias[last axis]), also kept as f16. */
export function biasEpilogue(out: number, half: number, bias: number, shape: readonly number[]): Epilogue {
  const body = new BodyMaker();
  const sum = body.scalar("add", body.load(), body.load());
  const relu = body.scalar("max", sum, body.literal(0));
  body.store(relu);
  body.store(relu, "f16");
  const along = shape.map((_, axis) => (axis === shape.length - 1 ? 1 : 0));
  const loads = [accumulator(shape), { buffer: bias, offset: 0, strides: along }];
  return { body: body.body(), segment: segment(shape, 0, loads, [whole(out, shape), whole(half, shape)]) };
}

export const matmul = (
  batch: readonly number[],
  m: number,
  n: number,
  k: number,
  a: number,
  b: number,
): Omit<GemmStep, "epilogue"> => ({
  kind: "gemm",
  precision: "f32",
  batch,
  m,
  n,
  k,
  a: {
    buffer: a,
    offset: 0,
    batchStrides: stridesOf([...batch, m, k]).slice(0, batch.length),
    rowStride: k,
    colStride: 1,
  },
  b: {
    buffer: b,
    offset: 0,
    batchStrides: stridesOf([...batch, k, n]).slice(0, batch.length),
    rowStride: n,
    colStride: 1,
  },
});
