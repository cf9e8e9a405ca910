/** nabla's elementwise work, fused by its compiler: into a donated result, many in one native call. */
import { jit, setThreads, softmax, type Tensor, tensor, zeros } from "nabla";
import { gelu } from "nabla/nn";
import type { ElementwiseJob } from "../benches/elementwise.ts";
import { job, serve } from "./serve.mjs";
import { digest, timed, values } from "./values.mjs";

const { operation, shape, threads } = job<ElementwiseJob>();
setThreads(threads);

const operations = {
  gelu: (x: Tensor, a: Tensor, b: Tensor) => gelu(x.mul(a).add(b)),
  softmax: (x: Tensor) => softmax(x),
};

const count = shape.reduce((product, dim) => product * dim, 1);
const x = tensor(values(count, 1, -2, 4), { shape });
const work = jit(
  (_result: Tensor, x: Tensor, a: Tensor, b: Tensor): [Tensor] => [operations[operation](x, a, b)],
  { donate: [0], name: operation },
);
// Two numbers that are inputs: a compiler cannot fold them.
const scalars = [tensor(1.1), tensor(0.3)] as const;
let result = await zeros(shape).realize();

await serve({
  check: async () => {
    [result] = work(result, x, ...scalars);
    return digest(await result.data());
  },
  run: (units) =>
    timed(async () => {
      [result] = await work.repeat(units, result, x, ...scalars);
    }),
});
