/** Times as people write them. */

const seconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** The seconds of "90", "90s", "1.5m", "2h", "1h30m" or "1d"; null for what is no time above 0. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim();
  const plain = /^\d+(?:\.\d+)?$/.test(trimmed) ? `${trimmed}s` : trimmed;
  if (!/^(?:\d+(?:\.\d+)?d)?(?:\d+(?:\.\d+)?h)?(?:\d+(?:\.\d+)?m)?(?:\d+(?:\.\d+)?s)?$/.test(plain))
    return null;
  const value = [...plain.matchAll(/([\d.]+)([dhms])/g)].reduce(
    (sum, [, number, unit]) => sum + Number(number) * seconds[unit as keyof typeof seconds],
    0,
  );
  return Number.isFinite(value) && value > 0 ? value : null;
}
