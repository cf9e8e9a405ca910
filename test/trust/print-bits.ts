/** Prints the checksum of what explanations and an attack give: a process of its own, as the number of threads is fixed in one. */
import { createHash } from "node:crypto";
import { random, tensor } from "nabla";
import { Conv2d, Flatten, Linear, relu, Sequential } from "nabla/nn";
import { gradCam, integratedGradients, pgd, saliency } from "nabla/trust";

const model = new Sequential(new Conv2d(3, 16, 3), relu, new Conv2d(16, 16, 3), relu, new Flatten());
const whole = new Sequential(model, new Linear(9216, 10)).init(0);
const images = random.uniform(random.key(1), [16, 28, 28, 3]);
const y = tensor(Int32Array.from({ length: 16 }, (_, row) => row % 10));
const found = [
  (await saliency(whole, images, { samples: 3, seed: 2 })).values,
  (await integratedGradients(whole, images, { steps: 3 })).values,
  (await gradCam(whole, images, { layer: "layers/0/layers/3" })).values,
  await pgd(whole, images, y, { epsilon: 0.1, steps: 3, seed: 2 }),
];
const hash = createHash("sha256");
for (const values of found) hash.update((await values.data()) as Float32Array);
process.stdout.write(hash.digest("hex"));
