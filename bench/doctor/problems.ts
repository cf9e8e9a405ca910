/** Small data sets for the doctor's suite, drawn from a seed. */
import { type Dataset, dataset } from "nabla/data";
import { generator } from "../../src/data/shuffle.ts";

const stream = 0x646f63; // of its own

/** Another number is another suite: other data, other initial values. */
export const suiteSeed = Number(process.env.NABLA_DOCTOR_SEED ?? 0);

/** Uniform and normal numbers. */
export function draws(seed: number) {
  const words = generator(seed, suiteSeed, stream); // of 32 bits
  const uniform = () => words() / 2 ** 32;
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

export interface Parts {
  readonly train: Dataset;
  readonly validation: Dataset;
}

type Row = readonly [x: readonly number[], y: number];

/** Of rows drawn one after the other: the first for training. `labels`: whole targets are class numbers. */
export function parts(rows: readonly Row[], training: number, labels = true): Parts {
  const part = (list: readonly Row[]) =>
    dataset({
      x: list.map(([x]) => [...x]),
      y: labels ? Int32Array.from(list, ([, y]) => y) : list.map(([, y]) => [y]),
      allowNonFinite: true,
    });
  return { train: part(rows.slice(0, training)), validation: part(rows.slice(training)) };
}

const rows = (n: number, draw: (i: number) => Row): Row[] => Array.from({ length: n }, (_, i) => draw(i));

/** Gaussian clouds around random centres; `spread` 1 lets neighbours overlap a little. */
export function blobRows(n: number, { classes = 4, dims = 8, spread = 1, seed = 1 } = {}): Row[] {
  const { normal, uniform } = draws(seed);
  const centres = rows(classes, () => [Array.from({ length: dims }, normal), 0]).map(([x]) => x);
  return rows(n, () => {
    const y = Math.floor(uniform() * classes);
    return [(centres[y] ?? []).map((value) => value + spread * normal()), y];
  });
}

/** Arms of a spiral in the plane, which no straight line tells apart. */
export function spiralRows(n: number, { arms = 3, noise = 0.05, seed = 2 } = {}): Row[] {
  const { normal, uniform } = draws(seed);
  return rows(n, () => {
    const y = Math.floor(uniform() * arms);
    const t = uniform();
    const angle = 2 * Math.PI * (y / arms + t);
    const point = [2 * t * Math.cos(angle), 2 * t * Math.sin(angle)];
    return [point.map((value) => value + noise * normal()), y];
  });
}

/** A smooth function of six numbers with noise. */
export function curveRows(n: number, { noise = 0.1, seed = 3 } = {}): Row[] {
  const { normal } = draws(seed);
  return rows(n, () => {
    const x = Array.from({ length: 6 }, normal);
    const [a = 0, b = 0, c = 0, d = 0] = x;
    return [x, Math.sin(a) + b * c * 0.5 + 0.3 * d + noise * normal()];
  });
}

/** A plane with noise. */
export function planeRows(n: number, { dims = 5, noise = 0.5, seed = 4 } = {}): Row[] {
  const { normal } = draws(seed);
  const slopes = Array.from({ length: dims }, normal);
  return rows(n, () => {
    const x = Array.from({ length: dims }, normal);
    return [x, x.reduce((sum, value, i) => sum + value * (slopes[i] ?? 0), 1) + noise * normal()];
  });
}

/** Sequences of two numbers [time, 2]: does the first half have the larger sum? */
export function sequenceParts(n: number, training: number, { time = 20, seed = 5 } = {}): Parts {
  const { normal } = draws(seed);
  const x = Float32Array.from({ length: n * time * 2 }, normal);
  const y = Int32Array.from({ length: n }, (_, row) => {
    let sum = 0;
    for (let t = 0; t < time; t++) sum += (x[(row * time + t) * 2] ?? 0) * (t < time / 2 ? 1 : -1);
    return sum > 0 ? 1 : 0;
  });
  const part = (from: number, to: number) =>
    dataset({
      x: { data: x.slice(from * time * 2, to * time * 2), shape: [to - from, time, 2] },
      y: y.slice(from, to),
    });
  return { train: part(0, training), validation: part(training, n) };
}

/** The same rows with other inputs or targets. */
export const changed = (list: readonly Row[], change: (row: Row, index: number) => Row): Row[] =>
  list.map(change);
