/**
 * Fit and evaluate with the Trainer in a script of your own: a 784-10-10 network on MNIST.
 * Run it with `npx tsx examples/mnist-small.ts`.
 */
import { mnist } from "nabla/data";
import { crossEntropy, Linear, relu, Sequential } from "nabla/nn";
import { adam } from "nabla/optim";
import { earlyStopping, progress, Trainer } from "nabla/train";

const { train, test } = await mnist();

const trainer = new Trainer({
  model: new Sequential(new Linear(784, 10), relu, new Linear(10, 10)),
  loss: crossEntropy,
  optimizer: adam(1e-3),
  metrics: ["accuracy"],
  callbacks: [progress(), earlyStopping({ monitor: "validation.accuracy", patience: 3 })],
  seed: 0,
});

await trainer.fit(train, { epochs: 5, batchSize: 128, validation: test });

const { loss, accuracy } = await trainer.evaluate(test);
console.log(`test loss ${loss.toFixed(4)}, accuracy ${accuracy?.toFixed(4)}`);

// The first ten test images: what the network says, and what they are.
const logits = await trainer.predict(test.head(10));
console.log("predicted", (await logits.argmax(-1).data()).join(" "));
console.log("labels   ", test.y.data.subarray(0, 10).join(" "));
