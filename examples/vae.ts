/**
 * A variational autoencoder on MNIST: 20 numbers for each image, and a decoder that turns numbers drawn at random into new digits,
 * some of which are shown at the end. Run it with `npx nabla train examples/vae.ts`.
 * Kingma and Welling, "Auto-encoding variational Bayes", 2014.
 */
import { concat, random, type Tensor } from "nabla";
import { Dataset, mnist } from "nabla/data";
import { bceWithLogits, type Context, Linear, Module, relu, Sequential } from "nabla/nn";
import { adam } from "nabla/optim";
import { defineExperiment } from "nabla/train";

const latent = 20;
const pixels = 784;

export class Vae extends Module {
  readonly encoder = new Sequential(new Linear(pixels, 400), relu, new Linear(400, 2 * latent));
  readonly decoder = new Sequential(new Linear(latent, 400), relu, new Linear(400, pixels));

  /** [batch, 784] to [batch, 784 + 2 latent]: the pixels' logits, then mean and log variance of the code, which the loss needs too. */
  forward(x: Tensor, ctx: Context): Tensor {
    const code = this.encoder.forward(x, ctx);
    const [mean, logVariance] = code.split(2, -1) as [Tensor, Tensor];
    // Noise that is scaled and moved lets the gradient through to mean and variance. Without training: the mean.
    const noise = ctx.train ? random.normal(ctx.key(this), mean.shape) : 0;
    const z = mean.add(logVariance.div(2).exp().mul(noise));
    return concat([this.decoder.forward(z, ctx), code], -1);
  }
}

/** KL(N(mean, variance) || N(0, 1)) = sum (mean^2 + variance - 1 - log variance) / 2 of each row: [batch]. */
export const klToNormal = (mean: Tensor, logVariance: Tensor): Tensor =>
  mean.square().add(logVariance.exp()).sub(1).sub(logVariance).sum(-1).div(2);

/** The negative evidence lower bound, in nats an image. */
export function negativeElbo(outputs: Tensor, images: Tensor): Tensor {
  const [logits, mean, logVariance] = outputs.split([pixels, latent, latent], -1) as [Tensor, Tensor, Tensor];
  const surprise = bceWithLogits(logits, images, { reduction: "none" }).sum(-1);
  return surprise.add(klToNormal(mean, logVariance)).mean();
}

/** Images [n, 28, 28] in [0, 1] side by side as text, two pixels above each other a character. */
export function draw(images: ArrayLike<number>, count: number): string {
  const shades = " .:-=+*#%@";
  const at = (image: number, y: number, x: number) => images[(image * 28 + y) * 28 + x] as number;
  const line = (y: number) =>
    Array.from({ length: count * 28 }, (_, column) => {
      const [image, x] = [Math.floor(column / 28), column % 28];
      const value = (at(image, y, x) + at(image, y + 1, x)) / 2;
      return shades[Math.min(9, Math.floor(10 * value))];
    }).join("");
  return Array.from({ length: 14 }, (_, row) => line(2 * row).trimEnd()).join("\n");
}

const model = new Vae();

export default defineExperiment({
  name: "vae",
  data: async () => {
    const { train, test } = await mnist();
    return { train: new Dataset(train.x, train.x), test: new Dataset(test.x, test.x) }; // each image is its own target
  },
  model,
  loss: negativeElbo,
  optimizer: adam(1e-3),
  epochs: 10,
  batchSize: 128,
  callbacks: [
    {
      async stop() {
        const z = random.normal(random.key(1), [8, latent]);
        const images = await model.decoder.forward(z).sigmoid().data();
        // Not on stdout, which is the run's summary with --json.
        for (const from of [0, 4]) console.error(`\n${draw(images.subarray(from * pixels), 4)}`);
      },
    },
  ],
  seed: 0,
});
