/** An epoch of MNIST in TensorFlow.js, batches gathered from tensors; the memory of its process before and at most. */
import { readFileSync } from "node:fs";
import { peak, resident, startPeak } from "./memory.mjs";
import { job } from "./serve.mjs";
import { forward, makeLayers, tf } from "./tfjs.mjs";

const { sizes, rows, batch, inputs, testInputs, labels } = job();
const empty = resident();
const bytes = ({ path, header }) => new Uint8Array(readFileSync(path)).subarray(header);
const classes = Int32Array.from(bytes(labels));
function floats(file) {
  const pixels = bytes(file);
  const out = new Float32Array(pixels.length);
  for (let i = 0; i < out.length; i++) out[i] = pixels[i] / 255;
  return out;
}
// The test images, too: nabla's mnist() loads both.
const [pixels, more] = [floats(inputs), floats(testInputs)];
const base = startPeak();

const x = tf.tensor2d(pixels, [rows, sizes[0]]);
const y = tf.tidy(() => tf.oneHot(tf.tensor1d(classes, "int32"), sizes.at(-1)).toFloat());
const layers = makeLayers(sizes);
const optimizer = tf.train.adam(1e-3);
const order = tf.util.createShuffledIndices(rows);
let loss = Number.NaN;
for (let i = 0; i + batch <= rows; i += batch) {
  tf.tidy(() => {
    const pick = tf.tensor1d(Int32Array.from(order.subarray(i, i + batch)), "int32");
    const [images, targets] = [tf.gather(x, pick), tf.gather(y, pick)];
    const value = optimizer.minimize(
      () => tf.losses.softmaxCrossEntropy(targets, forward(layers, images)),
      true,
    );
    if (i + 2 * batch > rows) loss = value.dataSync()[0];
  });
}
process.stdout.write(
  `${JSON.stringify({ loss, empty, base, peak: peak(), rows: rows + more.length / sizes[0] })}\n`,
);
