/**
 * Random tensors from explicit keys: the same key gives the same numbers, on every backend and for any number of threads.
 *
 * A key is a u32[2] tensor; bits are Philox4x32-10 of key and element index, so nothing is stored and everything fuses.
 * Use a key once: two draws with one key are the same numbers in other clothes, and so are not independent.
 * `split` makes new keys from one, `foldIn` makes the i-th of a family (of a step, of a layer).
 */
import { ConfigError, normaliseAxis, type Shape, ShapeError } from "../../util/index.ts";
import { formatAval } from "../ir/index.ts";
import { erf as erfOf } from "../ops/index.ts";
import { apply, asFloat, asTensor, castTo, constant, wrap } from "./apply.ts";
import { add, bitwiseXor, maximum, minimum, mul, neg, shiftRight } from "./arithmetic.ts";
import { lt } from "./compare.ts";
import { tensor } from "./creation.ts";
import { erfinv, log, sin, sqrt } from "./elementwise.ts";
import { take } from "./gather.ts";
import { concat } from "./join.ts";
import { broadcastTo, reshape } from "./movement.ts";
import { argsort } from "./order.ts";
import { argmax } from "./reduce.ts";
import { index } from "./slicing.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

// Streams of one key that must not meet: plain bits use the key itself, split and foldIn another one each.
const SPLIT = 0x3c6ef372;
const FOLD = 0xa54ff53a;

/** The finaliser of MurmurHash3 (Appleby): every bit of the result depends on every bit of x. */
function mix(x: number): number {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * The key of a seed, a whole number from 0 to 2^53 - 1. Neighbouring seeds give unrelated keys.
 * @throws ConfigError for another seed.
 * @example const [a, b] = random.split(random.key(42));
 */
export function key(seed: number): Tensor {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ConfigError(`random.key: the seed must be a whole number from 0 to 2^53 - 1; got ${seed}.`);
  }
  const [low, high] = [seed >>> 0, Math.floor(seed / 2 ** 32)];
  // A bijection of (low, high): different seeds never share a key.
  const first = mix(low ^ mix(high ^ 0x9e3779b9));
  const second = mix(high ^ mix(first ^ 0x85a308d3));
  return tensor(new Uint32Array([first, second]));
}

/** The key of another stream of `from`. */
const stream = (from: Tensor, tag: number): Tensor => bitwiseXor(from, constant(tag, "u32", [2]));

/** `count` new keys; then leave the old one alone. @example const [init, rest] = random.split(key) */
export function split(from: Tensor, count = 2): Tensor[] {
  const words = bits(stream(from, SPLIT), [count, 2]);
  return Array.from({ length: count }, (_, i) => index(words, i));
}

/**
 * The key number `data` of the family of `from`: a whole number in [0, 2^32), or an integer tensor of one element (the step).
 * @example const stepKey = random.foldIn(key, step)
 */
export function foldIn(from: Tensor, data: TensorLike): Tensor {
  if (typeof data === "number" && !(Number.isInteger(data) && data >= 0 && data < 2 ** 32)) {
    throw new ConfigError(`random.foldIn: data must be a whole number in [0, 2^32); got ${data}.`);
  }
  const number = typeof data === "number" ? constant(data, "u32", []) : castTo(asTensor(data), "u32");
  if (number.size !== 1) {
    throw new ShapeError(`random.foldIn: data must be one number; got ${formatAval(number.node.aval)}.`);
  }
  const word = mixTensor(reshape(number, [1]));
  // Two words that are never both 0, so that no child is its parent.
  const words = concat([word, bitwiseXor(word, constant(FOLD, "u32", [1]))]);
  return bits(bitwiseXor(from, words), [2]);
}

/** `mix`, on a u32 tensor. */
function mixTensor(x: Tensor): Tensor {
  const fold = (h: Tensor, by: number) => bitwiseXor(h, shiftRight(h, by));
  const first = mul(fold(x, 16), 0x85ebca6b);
  return fold(mul(fold(first, 13), 0xc2b2ae35), 16);
}

/** Uniform u32 bits. */
export const bits = (from: Tensor, shape: Shape): Tensor => apply("random", [from], {}, shape);

/** Floats (k + offset) / 2^drawn, from the upper `drawn` bits. */
function unit(from: Tensor, shape: Shape, drawn: 23 | 24, offset: 0 | 0.5): Tensor {
  const whole = castTo(shiftRight(bits(from, shape), 32 - drawn), "f32");
  return mul(offset === 0 ? whole : add(whole, offset), 2 ** -drawn);
}

export interface UniformOptions {
  readonly min?: number;
  readonly max?: number;
}

/** f32 numbers in [min, max), by default [0, 1), each of 2^24 equally distant values equally likely. */
export function uniform(from: Tensor, shape: Shape, { min = 0, max = 1 }: UniformOptions = {}): Tensor {
  const u = unit(from, shape, 24, 0);
  if (min === 0 && max === 1) return u;
  if (!(min < max)) throw new ConfigError(`random.uniform: min must be below max; got ${min} and ${max}.`);
  // Rounding may reach max: keep below it.
  return minimum(add(mul(u, max - min), min), below(max));
}

/** The greatest f32 below x. */
function below(x: number): number {
  const float = new Float32Array([x]);
  const bitsOf = new Int32Array(float.buffer);
  const rounded = float[0] as number;
  if (rounded < x) return rounded;
  if (rounded === 0) return -(2 ** -149);
  bitsOf[0] = (bitsOf[0] as number) + (rounded > 0 ? -1 : 1);
  return float[0] as number;
}

export interface NormalOptions {
  readonly mean?: TensorLike;
  readonly std?: TensorLike;
}

const scaled = (z: Tensor, mean: TensorLike, std: TensorLike): Tensor => {
  const spread = std === 1 ? z : mul(z, std);
  return mean === 0 ? spread : add(spread, mean);
};

/**
 * Normally distributed f32 numbers: sqrt(-2 log u) sin(2 pi v) of two uniform words each (Box and Muller, 1958), up to 6.7 sigma.
 * The bits are equal everywhere; the floats are as equal as the backends' log and sin are.
 */
export function normal(from: Tensor, shape: Shape, { mean = 0, std = 1 }: NormalOptions = {}): Tensor {
  const words = bits(from, [2, ...shape]);
  // 32 bits reach further into the tail than 24; never 0.
  const u = mul(add(castTo(index(words, 0), "f32"), 0.5), 2 ** -32);
  const v = mul(castTo(shiftRight(index(words, 1), 8), "f32"), 2 * Math.PI * 2 ** -24);
  return scaled(mul(sqrt(mul(log(u), -2)), sin(v)), mean, std);
}

export interface TruncatedNormalOptions extends NormalOptions {
  /** Bounds in standard deviations, by default -2 and 2. */
  readonly lower?: number;
  readonly upper?: number;
}

/** Normally distributed numbers given that they lie in [lower, upper] sigma, by the inverse of the distribution function. */
export function truncatedNormal(
  from: Tensor,
  shape: Shape,
  { lower = -2, upper = 2, mean = 0, std = 1 }: TruncatedNormalOptions = {},
): Tensor {
  if (!(lower < upper)) {
    throw new ConfigError(`random.truncatedNormal: lower must be below upper; got ${lower} and ${upper}.`);
  }
  const [low, high] = [erfOf(lower / Math.SQRT2), erfOf(upper / Math.SQRT2)];
  const u = add(mul(unit(from, shape, 23, 0.5), high - low), low);
  const z = mul(erfinv(u), Math.SQRT2);
  return scaled(minimum(maximum(z, lower), upper), mean, std);
}

/** true with probability p, which may be a tensor. */
export function bernoulli(from: Tensor, shape: Shape, p: TensorLike = 0.5): Tensor {
  if (typeof p !== "number")
    return lt(unit(from, shape, 24, 0), broadcastTo(asFloat("random.bernoulli", p), shape));
  if (!(p >= 0 && p <= 1)) {
    throw new ConfigError(`random.bernoulli: p must lie in [0, 1]; got ${p}.`);
  }
  // Comparing bits is exact to 2^-32 and cheaper than floats.
  const threshold = Math.round(p * 2 ** 32);
  if (threshold === 2 ** 32) return wrap(constant(1, "bool", shape).node);
  return lt(bits(from, shape), constant(threshold, "u32", []));
}

/**
 * i32 numbers in [low, high), each as likely but for (high - low) / 2^64: the upper word of a 64-bit number times the span
 * (Lemire, 2019, without the rejection).
 * @throws ConfigError unless low < high are i32 numbers.
 */
export function randint(from: Tensor, shape: Shape, low: number, high: number): Tensor {
  const fits = Number.isInteger(low) && Number.isInteger(high) && low >= -(2 ** 31) && high <= 2 ** 31;
  if (!fits || low >= high) {
    throw new ConfigError(`random.randint: low < high must be i32 numbers; got ${low} and ${high}.`);
  }
  const span = high - low;
  const words = bits(from, [2, ...shape]);
  const [upper, lower] = [index(words, 0), index(words, 1)];
  const offset = (drawn: Tensor) => castTo(add(drawn, low >>> 0), "i32");
  if (span === 2 ** 32) return offset(upper);
  const whole = multiplyHigh(upper, span);
  const part = mul(upper, span);
  const sum = add(part, multiplyHigh(lower, span));
  const carry = castTo(lt(sum, part), "u32");
  return offset(add(whole, carry));
}

/** The upper 32 bits of x * factor, by halves of 16 bits. */
function multiplyHigh(x: Tensor, factor: number): Tensor {
  const [low, high] = [factor & 0xffff, factor >>> 16];
  const [xLow, xHigh] = [apply("bitAnd", [x, constant(0xffff, "u32", x.shape)], {}), shiftRight(x, 16)];
  const middle = add(mul(xHigh, low), shiftRight(mul(xLow, low), 16));
  const cross = add(mul(xLow, high), apply("bitAnd", [middle, constant(0xffff, "u32", x.shape)], {}));
  return add(mul(xHigh, high), add(shiftRight(middle, 16), shiftRight(cross, 16)));
}

/**
 * A random order: of 0 .. n-1 as i32 for a number n, or of the slices of a tensor along `axis`.
 * Sorts random words; two equal ones (odds n^2 / 2^33) keep their order, which biases nothing one could measure.
 */
export function permutation(from: Tensor, x: number | Tensor, axis = 0): Tensor {
  if (typeof x === "number") return argsort(bits(from, [x]));
  const along = normaliseAxis("random.permutation", axis, x.ndim);
  return take(x, argsort(bits(from, [x.shape[along] as number])), along);
}

/** Standard Gumbel numbers, -log(-log(u)): adding them to logits and taking the argmax samples the softmax. */
export const gumbel = (from: Tensor, shape: Shape): Tensor => neg(log(neg(log(unit(from, shape, 23, 0.5)))));

export interface CategoricalOptions {
  /** The axis of the classes, by default the last. */
  readonly axis?: number;
  /** Leading axes of independent samples, by default none. */
  readonly samples?: Shape;
}

/**
 * i32 class indices with the probabilities softmax(logits), by the Gumbel trick.
 * @example categorical(key, logits) // [batch, classes] -> [batch]
 */
export function categorical(
  from: Tensor,
  logits: TensorLike,
  { axis = -1, samples = [] }: CategoricalOptions = {},
): Tensor {
  const scores = asFloat("random.categorical", logits);
  const along = normaliseAxis("random.categorical", axis, scores.ndim);
  const noise = gumbel(from, [...samples, ...scores.shape]);
  return argmax(add(noise, scores), samples.length + along);
}
