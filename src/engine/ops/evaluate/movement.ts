/** f64 kernels of movements. */
import { around, at, type KernelTable, pick, positions, sizeOf, stridesOf } from "./kernel.ts";

type Movement = "reshape" | "permute" | "expand" | "pad" | "slice" | "concat";

export const movements: KernelTable<Movement> = {
  reshape: (src) => at(src, 0).data.slice(),
  permute: (src, { perm }, out) => {
    const strides = stridesOf(at(src, 0).aval.shape);
    return pick(
      at(src, 0).data,
      positions(
        out.shape,
        perm.map((axis) => strides[axis] as number),
      ),
    );
  },
  expand: (src, _attrs, out) => {
    const { aval, data } = at(src, 0);
    const strides = stridesOf(aval.shape).map((stride, axis) => (aval.shape[axis] === 1 ? 0 : stride));
    return pick(data, positions(out.shape, strides));
  },
  slice: (src, { start, step }, out) => {
    const strides = stridesOf(at(src, 0).aval.shape);
    const offset = start.reduce((sum, first, axis) => sum + first * (strides[axis] as number), 0);
    const steps = strides.map((stride, axis) => stride * (step[axis] as number));
    return pick(at(src, 0).data, positions(out.shape, steps, offset));
  },
  pad: (src, { lo, interior, value }, out) => {
    const { aval, data } = at(src, 0);
    const result = new Float64Array(sizeOf(out.shape)).fill(value);
    const strides = stridesOf(aval.shape);
    const outStrides = stridesOf(out.shape);
    for (let i = 0; i < data.length; i++) {
      let place = 0;
      let inside = true;
      aval.shape.forEach((size, axis) => {
        const index = Math.floor(i / (strides[axis] as number)) % size;
        const moved = (lo[axis] as number) + index * ((interior[axis] as number) + 1);
        inside &&= moved >= 0 && moved < (out.shape[axis] as number);
        place += moved * (outStrides[axis] as number);
      });
      if (inside) result[place] = data[i] as number;
    }
    return result;
  },
  concat: (src, { axis }, out) => {
    const result = new Float64Array(sizeOf(out.shape));
    const whole = around(out.shape, axis);
    let start = 0;
    for (const { aval, data } of src) {
      const { outer, size, inner } = around(aval.shape, axis);
      const row = size * inner;
      for (let o = 0; o < outer; o++) {
        result.set(data.subarray(o * row, (o + 1) * row), (o * whole.size + start) * inner);
      }
      start += size;
    }
    return result;
  },
};
