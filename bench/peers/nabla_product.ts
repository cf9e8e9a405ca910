/** nabla's matrix product: into a donated result, many in one native call. */
import { jit, setThreads, type Tensor, tensor, zeros } from "nabla";
import type { ProductJob } from "../product.ts";
import { job, serve } from "./serve.mjs";
import { digest, timed, values } from "./values.mjs";

const { m, n, k, transposeA, transposeB, threads } = job<ProductJob>();
setThreads(threads);

const a = tensor(values(m * k, 1), { shape: transposeA ? [k, m] : [m, k] });
const b = tensor(values(k * n, 2), { shape: transposeB ? [n, k] : [k, n] });

// The old result is donated: its memory takes the new one.
const product = jit(
  (_result: Tensor, a: Tensor, b: Tensor): [Tensor] => [
    (transposeA ? a.transpose() : a).matmul(transposeB ? b.transpose() : b),
  ],
  { donate: [0], name: "product" },
);
let result = await zeros([m, n]).realize();

await serve({
  check: async () => {
    [result] = product(result, a, b);
    return digest(await result.data());
  },
  run: (units) =>
    timed(async () => {
      [result] = await product.repeat(units, result, a, b);
    }),
});
