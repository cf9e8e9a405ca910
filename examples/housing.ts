/**
 * Linear regression on a table of 506 houses with 13 features, made with a seed so that the right answer is known.
 * Run it with `npx tsx examples/housing.ts`.
 */
import { random } from "nabla";
import { dataset, split, standardise } from "nabla/data";
import { Linear, mse } from "nabla/nn";
import { sgd } from "nabla/optim";
import { Trainer } from "nabla/train";

// price = features . coefficients + 22 + noise; every feature has a scale and an offset of its own, as real ones have.
const [rows, features] = [506, 13];
const answer = [-1, 1.1, 0.1, 0.7, -2, 2.7, 0.2, -3.1, 2.6, -2, -2.1, 0.8, -3.7]; // per standard deviation
const scale = answer.map((_, i) => 10 ** (i % 4) / 10);
const z = await random.normal(random.key(7), [rows, features]).data();
const noise = await random.normal(random.key(8), [rows]).data();

const x = Float32Array.from(z, (value, i) => ((value as number) + 3) * (scale[i % features] as number));
const y = Float32Array.from(noise, (value, row) => {
  const terms = answer.map((coefficient, i) => coefficient * (z[row * features + i] as number));
  return terms.reduce((sum, term) => sum + term, 22 + 0.5 * value);
});
const data = dataset({ x: { data: x, shape: [rows, features] }, y: { data: y, shape: [rows, 1] } });

// Split first, then fit the scaling on the training rows alone: the test rows must not leak into it.
const [trainRows, testRows] = split(data, 0.8, 42);
const scaling = standardise(trainRows);
const train = scaling.apply(trainRows);
const test = scaling.apply(testRows);

const model = new Linear(features, 1);
const trainer = new Trainer({ model, loss: mse, optimizer: sgd(0.01), seed: 0 });
const { history } = await trainer.fit(train, { epochs: 100, batchSize: 32, validation: test });

for (const { epoch, train, validation } of history.filter(({ epoch }) => epoch === 1 || epoch % 25 === 0)) {
  const losses = [train.loss, validation?.loss ?? Number.NaN].map((loss) => loss.toFixed(3));
  console.log(`epoch ${String(epoch).padStart(3)}  train mse ${losses[0]}  test mse ${losses[1]}`);
}

const weights = await model.weight.value.data();
console.log("\nfeature  answer  recovered");
answer.forEach((coefficient, i) => {
  // From the scaled columns of the training rows back to the answer's units.
  const recovered = ((weights[i] as number) * (scale[i] as number)) / (scaling.std[i] as number);
  console.log(
    `${String(i).padStart(7)}  ${coefficient.toFixed(2).padStart(6)}  ${recovered.toFixed(2).padStart(9)}`,
  );
});
