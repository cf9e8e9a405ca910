/** Axes: where values lie on them, and which values are worth a label. */

export interface Scale {
  /** From 0 at the low end to 1 at the high one. */
  at(value: number): number;
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
}

/** Over all values, which for a logarithmic scale must be above 0. */
export function scaleOf(values: readonly number[], log: boolean): Scale {
  const low = Math.min(...values);
  const high = Math.max(...values);
  if (values.length === 0 || low === high) return flat(low, log);
  return log ? logarithmic(low, high) : linear(low, high);
}

function flat(value: number, log: boolean): Scale {
  const middle = Number.isFinite(value) ? value : 1;
  const reach = Math.abs(middle) || 1; // from 0 to twice the value
  return log ? logarithmic(middle / 2, middle * 2) : linear(middle - reach, middle + reach);
}

function linear(low: number, high: number): Scale {
  const raw = (high - low) / 5;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((factor) => factor * unit >= raw) ?? 10) * unit;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(i * step);
  const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  const label = (value: number) => (decimals > 6 ? value.toExponential(1) : grouped(value.toFixed(decimals)));
  return {
    at: (value) => (value - low) / (high - low),
    ticks: ticks.map((value) => ({ value, label: label(value) })),
  };
}

/** 12,000; the digits of a fraction stay together. */
const grouped = (text: string): string => (text.includes(".") ? text : text.replace(/\B(?=(\d{3})+$)/g, ","));

function logarithmic(low: number, high: number): Scale {
  const [from, to] = [Math.log10(low), Math.log10(high)];
  const decades = to - from;
  const factors = decades < 1 ? [1, 2, 3, 5, 7] : decades < 3 ? [1, 2, 5] : [1];
  const skip = Math.ceil(decades / 8);
  const ticks: number[] = [];
  for (let power = Math.floor(from); power <= Math.ceil(to); power++) {
    if (power % skip !== 0) continue;
    ticks.push(...factors.map((factor) => Number(`${factor}e${power}`)));
  }
  return {
    at: (value) => (Math.log10(value) - from) / decades,
    ticks: ticks
      .filter((value) => value >= low * 0.999 && value <= high * 1.001)
      .map((value) => ({ value, label: plain(value) })),
  };
}

const plain = (value: number): string =>
  value >= 1e-3 && value < 1e5 ? String(value) : value.toExponential(0).replace("e+", "e");
