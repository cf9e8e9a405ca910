/** orthogonal: weights whose rows or columns are orthonormal, drawn uniformly among all such. */
import { arange, pad, random, scan, type Tensor, where, zeros } from "../engine/tensor/index.ts";
import { ConfigError } from "../util/index.ts";
import { fans, type Initializer } from "./initializers.ts";

/** Vectors made orthonormal one by one before matrix products take over. */
const PANEL = 32;

/**
 * gain * W with W^T W = I (or W W^T = I, where there are more outputs than inputs) for the weight as a matrix [...kernel * in, out]:
 * the Q of a normal matrix's QR decomposition with R's diagonal positive, which makes it uniform over the orthogonal matrices.
 * Computed as a graph, so on any device and in any trace; orthogonal to about 1e-6.
 * Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", 2013; Mezzadri, "How to
 * generate random matrices from the classical compact groups", 2007.
 * @throws ConfigError for fewer than two axes, or a gain that is no number.
 * @example new Linear(128, 128, { weightInit: orthogonal(Math.SQRT2) }); // before a relu
 */
export function orthogonal(gain = 1): Initializer {
  if (!Number.isFinite(gain)) throw new ConfigError(`orthogonal: gain must be a number; got ${gain}.`);
  return (key, shape) => {
    const rows = fans(shape).fanIn;
    const columns = shape.at(-1) as number;
    const [few, many] = rows < columns ? [rows, columns] : [columns, rows];
    const q = orthonormalRows(random.normal(key, [few, many]));
    return (rows < columns ? q : q.transpose()).mul(gain).reshape(shape);
  };
}

/**
 * The rows of x [few, many] made orthonormal in their order, each on the side it was: Gram and Schmidt's method, by panels, each
 * projection done twice. Once would leave errors as large as the rows were nearly dependent; twice is enough (Kahan; Giraud et
 * al., "The loss of orthogonality in the Gram-Schmidt orthogonalization process", 2005).
 */
export function orthonormalRows(x: Tensor): Tensor {
  const [few, many] = x.shape as [number, number];
  if (few === 0) return x;
  const size = Math.min(PANEL, few);
  const panels = Math.ceil(few / size);
  const whole = pad(x, [
    [0, panels * size - few],
    [0, 0],
  ]).reshape([panels, size, many]);
  const done = oneByOne(whole, (panel, before) => {
    const rows = before.reshape([panels * size, many]);
    return oneByOne(without(without(panel, rows), rows), (row, above) => {
      const rest = without(without(row.reshape([1, many]), above), above);
      return rest.div(rest.norm().maximum(SMALLEST)).reshape([many]);
    });
  });
  return done.reshape([panels * size, many]).slice([0, few]);
}

/** The smallest normal f32: rows of zeros, which fill the last panel, stay so. */
const SMALLEST = 2 ** -126;

/** x less its part in the span of rows that are orthonormal or 0. */
const without = (x: Tensor, rows: Tensor): Tensor => x.sub(x.matmul(rows.transpose()).matmul(rows));

/** Replaces the slices of x along axis 0 in order, each in sight of those done, the others still being 0. */
function oneByOne(x: Tensor, replace: (slice: Tensor, done: Tensor) => Tensor): Tensor {
  const index = arange(x.shape[0] as number);
  const places = index.reshape([-1, ...x.shape.slice(1).map(() => 1)]);
  const [done] = scan(
    (done: Tensor, at: { slice: Tensor; i: Tensor }) => [
      where(places.eq(at.i), replace(at.slice, done), done),
      null,
    ],
    zeros(x.shape),
    { slice: x, i: index },
  );
  return done;
}
