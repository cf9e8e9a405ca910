/** Dates as numbers that a network can use: the year as it is, what returns as a point on a circle. */
import { z } from "zod";
import { ConfigError, optionNames, rejectUnknown } from "../../util/index.ts";
import { numberColumn, operation, type Transform } from "./operation.ts";

const names = ["year", "month", "day", "weekday", "hour"] as const;
export type DatePart = (typeof names)[number];

/** Where in its period a date is, from 0, and how long that is; the year is no circle. All in UTC. */
const cycles = {
  month: { at: (date: Date) => date.getUTCMonth(), period: 12 },
  day: { at: (date: Date) => date.getUTCDate() - 1, period: 31 },
  weekday: { at: (date: Date) => date.getUTCDay(), period: 7 },
  hour: { at: (date: Date) => date.getUTCHours() + date.getUTCMinutes() / 60, period: 24 },
} as const satisfies Record<Exclude<DatePart, "year">, { at: (date: Date) => number; period: number }>;

export const partingDates = operation(
  "dateParts",
  ["date"],
  z.strictObject({ parts: z.array(z.enum(names)).min(1) }),
  (column, { parts }) => {
    if (column.kind !== "date") return [column];
    const { name, values } = column;
    const map = (suffix: string, f: (date: Date) => number) =>
      numberColumn(
        `${name}:${suffix}`,
        values.map((value) => f(new Date(value))),
      ); // of NaN all parts are NaN
    return parts.flatMap((part) => {
      if (part === "year") return [map("year", (date) => date.getUTCFullYear())];
      const { at, period } = cycles[part];
      const angle = (date: Date) => (2 * Math.PI * at(date)) / period;
      return [
        map(`${part}.sin`, (date) => Math.sin(angle(date))),
        map(`${part}.cos`, (date) => Math.cos(angle(date))),
      ];
    });
  },
);

export interface DatePartsOptions {
  /** Default: year, month, day and weekday, and hour where the training part has times of day. */
  readonly parts?: readonly DatePart[];
}

const datePartsOptions = optionNames<DatePartsOptions>({ parts: true });

/**
 * `<name>:year`, and `<name>:<part>.sin` and `.cos` of 2 pi part / period for month (12), day (31), weekday (7) and hour (24), in UTC:
 * December is as near to January as to November. Missing dates give missing numbers: `impute()` after it fills them.
 *
 * @throws ConfigError for an unknown part or none.
 * @example pipeline([on({ kind: "date" }, dateParts(), impute(), standardScale())]);
 */
export function dateParts(options: DatePartsOptions = {}): Transform {
  rejectUnknown("dateParts", options, datePartsOptions);
  const { parts } = options;
  if (parts && (parts.length === 0 || parts.some((part) => !names.includes(part)))) {
    throw new ConfigError(
      `dateParts: parts must be some of ${names.join(", ")}; got ${parts.join(", ") || "none"}.`,
    );
  }
  return {
    operation: partingDates,
    fit(column) {
      if (parts) return { parts: [...parts] };
      const day = 24 * 60 * 60 * 1000;
      const hasTimes = column.kind === "date" && column.values.some((value) => value % day > 0);
      return { parts: hasTimes ? names : names.filter((part) => part !== "hour") };
    },
  };
}
