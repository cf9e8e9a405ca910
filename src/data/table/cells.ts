/** What the text of one cell stands for: a number or a date, or neither. */

const [zero, nine, dot, plus, minus, space] = [48, 57, 46, 43, 45, 32] as const;

/**
 * The number a cell is written as: decimal, with a sign, a point and an exponent if need be, or an infinity ("inf", "-Infinity");
 * NaN for all else. What begins with a zero and another digit ("007", "01234") is a code such as a postcode, whose zeros would be lost:
 * a number only where `zeros` says so. Neither hexadecimal nor thousands separators are numbers.
 */
export function parseNumber(cell: string, zeros = false): number {
  const first = cell.charCodeAt(0);
  if (first > zero && first <= nine) return +cell;
  if (first === zero || first === plus || first === minus || first === dot) return parseSigned(cell, zeros);
  if (first <= space) {
    const trimmed = cell.trim();
    return trimmed === "" ? Number.NaN : parseNumber(trimmed, zeros);
  }
  return first === 105 || first === 73 ? parseInfinity(cell, 1) : Number.NaN; // i, I
}

function parseSigned(cell: string, zeros: boolean): number {
  const first = cell.charCodeAt(0);
  const at = first === plus || first === minus ? 1 : 0;
  const digit = cell.charCodeAt(at);
  if (digit === zero) {
    const next = cell.charCodeAt(at + 1) | 32; // letters as small ones; a digit stays itself
    if (next === 120 || next === 98 || next === 111) return Number.NaN; // 0x, 0b, 0o
    if (!zeros && next >= zero && next <= nine) return Number.NaN;
  } else if (digit !== dot && !(digit > zero && digit <= nine)) {
    return at === 1 ? parseInfinity(cell.slice(1), first === minus ? -1 : 1) : Number.NaN;
  }
  return +cell;
}

function parseInfinity(word: string, sign: number): number {
  const small = word.trim().toLowerCase();
  return small === "inf" || small === "infinity" ? sign * Number.POSITIVE_INFINITY : Number.NaN;
}

const iso =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:(Z)|([+-])(\d\d):?(\d\d))?)?$/i;

/**
 * Milliseconds since 1970 of a date in ISO 8601: 2024-02-29, with a time, and with an offset from UTC, which it is without one; NaN for
 * all else. Only ISO 8601, because 03/04/2024 is another day in Oxford than in Boston, and a guess would be wrong without a word.
 */
export function parseDate(cell: string): number {
  if (cell.charCodeAt(4) !== minus) return Number.NaN;
  const match = iso.exec(cell);
  if (!match) return Number.NaN;
  const part = (index: number): number => Number(match[index] ?? 0);
  const [month, day, hour, minute, second] = [part(2), part(3), part(4), part(5), part(6)];
  if (hour > 23 || minute > 59 || second > 59 || part(10) > 23 || part(11) > 59) return Number.NaN;
  const date = new Date(0);
  // Not Date.UTC, which takes the years 0 to 99 for the last century's.
  date.setUTCFullYear(part(1), month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return Number.NaN;
  date.setUTCHours(hour, minute, second, Math.floor(Number(`0.${match[7] ?? 0}`) * 1000));
  const offset = (match[9] === "-" ? -1 : 1) * (part(10) * 60 + part(11));
  return date.getTime() - offset * 60_000;
}

/** Words that say yes or no: a column of them is one of categories however short it is. */
export const isBooleanWord = (word: string): boolean => /^(yes|no|true|false)$/i.test(word);
