/** Numbers as people read them. */

/** Four significant digits; very small and very large ones in powers of ten. */
export function formatScore(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e5 ? value.toFixed(size >= 100 ? 1 : 4) : value.toExponential(2);
}

/** 12,345 samples/s. */
export const formatRate = (rowsPerSecond: number): string =>
  `${Math.round(rowsPerSecond).toLocaleString("en-US")} samples/s`;

/** 4.2 s, 3 min 05 s, 2 h 07 min. */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const pad = (value: number) => String(value).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
}

/** loss 0.1234, accuracy 0.9612. */
export const formatScores = (scores: Readonly<Record<string, number>>, prefix = ""): string =>
  Object.entries(scores)
    .map(([name, value]) => `${prefix}${name} ${formatScore(value)}`)
    .join(", ");
