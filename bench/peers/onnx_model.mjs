/** A multilayer perceptron as an ONNX file, written by hand: protobuf fields as in onnx/onnx.proto, operator set 13. */

const varint = (value) => {
  const bytes = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
};
const join = (parts) => new Uint8Array(Buffer.concat(parts));
/** A number: wire type 0. */
const number = (field, value) => join([varint(field * 8), varint(value)]);
/** Bytes, text or a message: wire type 2. */
const bytes = (field, value) => join([varint(field * 8 + 2), varint(value.length), value]);
const text = (field, value) => bytes(field, new TextEncoder().encode(value));
const message = (field, ...parts) => bytes(field, join(parts));

const float = 1;
/** TensorProto. */
const initializer = (name, shape, values) =>
  message(
    5,
    ...shape.map((size) => number(1, size)),
    number(2, float),
    text(8, name),
    bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  );
/** NodeProto. */
const node = (operator, inputs, output) =>
  message(1, ...inputs.map((name) => text(1, name)), text(2, output), text(4, operator));
/** ValueInfoProto of a float matrix; field 11 lists a graph's inputs, 12 its outputs. */
const matrix = (field, name, shape) =>
  message(
    field,
    text(1, name),
    message(2, message(1, number(1, float), message(2, ...shape.map((size) => message(1, number(1, size)))))),
  );

/** One row in as "input", logits out as "output". `flat` holds weight [in, out] and bias [out] of each layer in turn. */
export function encodeMlp(sizes, flat) {
  const parts = [text(2, "mlp")];
  let offset = 0;
  let previous = "input";
  for (let i = 0; i + 1 < sizes.length; i++) {
    const [fanIn, fanOut] = [sizes[i], sizes[i + 1]];
    const last = i + 2 === sizes.length;
    const sum = last ? "output" : `sum${i}`;
    parts.push(node("Gemm", [previous, `weight${i}`, `bias${i}`], sum));
    if (!last) parts.push(node("Relu", [sum], `hidden${i}`));
    previous = `hidden${i}`;
    parts.push(initializer(`weight${i}`, [fanIn, fanOut], flat.subarray(offset, offset + fanIn * fanOut)));
    offset += fanIn * fanOut;
    parts.push(initializer(`bias${i}`, [fanOut], flat.subarray(offset, offset + fanOut)));
    offset += fanOut;
  }
  parts.push(matrix(11, "input", [1, sizes[0]]), matrix(12, "output", [1, sizes.at(-1)]));
  return join([number(1, 7), message(7, ...parts), message(8, text(1, ""), number(2, 13))]);
}
