/** Reading back what a callback had saved of itself. */
import type { z } from "zod";
import { DataError } from "../util/index.ts";
import type { Json } from "./events.ts";

/** The state of the callback `op`. @throws DataError where it is not what it saves: the checkpoint was tampered with, or is another's */
export function readState<T>(op: string, schema: z.ZodType<T>, state: Json): T {
  const parsed = schema.safeParse(state);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new DataError(
    `${op}: its state in the checkpoint must be its own; ${issue?.path.join("/") || "it"} is not right (${issue?.message}).`,
  );
}
