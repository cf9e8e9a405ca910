/** nabla's convolution or one of its gradients: into a donated result, many in one native call. */
import { conv, grad, jit, setThreads, tensor, zeros } from "../../dist/index.js";
import { job, serve } from "./serve.mjs";
import { digest, timed, values } from "./values.mjs";

const { batch, size, channels, pass, threads } = job();
setThreads(threads);

const image = [batch, size, size, channels];
const kernel = [3, 3, channels, channels];
const make = (shape, seed) =>
  tensor(
    values(
      shape.reduce((a, b) => a * b),
      seed,
      -1,
      1,
    ),
    { shape },
  );
const [x, w, g] = [make(image, 1), make(kernel, 2), make(image, 3)];

const forward = (x, w) => conv(x, w, { padding: 1 });
/** The gradient of this is the convolution's own, for an output gradient of g. */
const weighted = (x, w, g) => forward(x, w).mul(g).sum();
const passes = {
  forward: (x, w) => forward(x, w),
  input: (x, w, g) => grad((x) => weighted(x, w, g))(x),
  filter: (x, w, g) => grad((w) => weighted(x, w, g))(w),
};

// The old result is donated: its memory takes the new one.
const step = jit((_result, x, w, g) => [passes[pass](x, w, g)], { donate: [0], name: pass });
let result = await zeros(pass === "filter" ? kernel : image).realize();

await serve({
  check: async () => {
    [result] = step(result, x, w, g);
    return digest(await result.data());
  },
  run: (units) =>
    timed(async () => {
      [result] = await step.repeat(units, result, x, w, g);
    }),
});
