/** Draws docs/images/trust.png: digits, why a small network says what it says, and what an attack makes of them. `npx tsx scripts/trust-pictures.ts` */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tensor } from "nabla";
import { dataset, mnist, toTensor } from "nabla/data";
import { Conv2d, crossEntropy, Flatten, Linear, relu, Sequential } from "nabla/nn";
import { adam } from "nabla/optim";
import { Trainer } from "nabla/train";
import {
  contactSheet,
  fgsm,
  gradCam,
  heatMap,
  integratedGradients,
  occlusion,
  type Picture,
  saliency,
  writePicture,
} from "nabla/trust";

const digits = await mnist();
const images = (data: typeof digits.test) =>
  dataset({ x: { data: data.x.data, shape: [data.length, 28, 28, 1] }, y: data.y });
const model = new Sequential(
  new Conv2d(1, 8, 5, { stride: 2 }),
  relu,
  new Conv2d(8, 16, 3),
  relu,
  new Flatten(),
  new Linear(10 * 10 * 16, 10),
);
const trainer = new Trainer({
  model,
  loss: crossEntropy,
  optimizer: adam(1e-3),
  metrics: ["accuracy"],
  seed: 0,
});
await trainer.fit(images(digits.train.head(20000)), { epochs: 3, batchSize: 64 });

const test = images(digits.test.select([3, 2, 1, 18, 4]));
const [x, y] = [toTensor(test.x), toTensor(test.y)];
const zoom = 3;
const changed = await fgsm(model, x, y, { epsilon: 0.1 });
const columns = [
  (await saliency(model, x)).values,
  (await saliency(model, x, { samples: 50 })).values,
  (await integratedGradients(model, x)).values,
  (await occlusion(model, x, { window: 5, stride: 2 })).values,
  (await gradCam(model, x, { layer: "layers/3" })).values,
];
const none = tensor(new Float32Array(28 * 28), { shape: [28, 28] });
const rows: Picture[][] = [];
for (let row = 0; row < test.length; row++) {
  const image = x.index(row);
  const plain = await heatMap(none, { image, zoom });
  const maps = await Promise.all(
    columns.map((values) => heatMap(values.index(row), { image: image.mul(0.35).add(0.65), zoom })),
  );
  rows.push([plain, ...maps, await heatMap(none, { image: changed.index(row), zoom })]);
}
await writePicture(
  join(fileURLToPath(new URL("..", import.meta.url)), "docs/images/trust.png"),
  contactSheet(rows),
);
