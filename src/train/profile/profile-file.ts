/** profile.json: a run's profile as it is kept in its folder. */
import { z } from "zod";
import type { Profile } from "./profile.ts";

export const profileFile = "profile.json";

// JSON has no NaN: what was none is null.
const number = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const cost = z.object({ seconds: number, flops: number, bytes: number });

export const profileSchema = z.object({
  device: z.string(),
  threads: z.int().gte(1),
  steps: z.int(),
  secondsPerStep: number,
  arenaBytes: number,
  phases: z.array(z.object({ name: z.string(), seconds: number })),
  parts: z.array(z.object({ path: z.string(), forward: cost, backward: cost })),
  kernels: z.array(cost.extend({ step: z.string(), note: z.string(), parts: z.array(z.string()) })),
  peaks: z.object({ flopsPerSecond: number, bytesPerSecond: number }),
}) satisfies z.ZodType<Profile>;
