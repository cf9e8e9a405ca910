/** From nothing to the loss of the first training step: TensorFlow.js. */
import { job } from "./serve.mjs";
import { forward, makeLayers, tf } from "./tfjs.mjs";

const { sizes, batch } = job();
const layers = makeLayers(sizes);
const x = tf.randomUniform([batch, sizes[0]]);
const y = tf.oneHot(tf.randomUniform([batch], 0, sizes.at(-1), "int32"), sizes.at(-1)).toFloat();
const loss = tf.train.adam(1e-3).minimize(() => tf.losses.softmaxCrossEntropy(y, forward(layers, x)), true);
process.stdout.write(`${JSON.stringify({ loss: loss.dataSync()[0] })}\n`);
