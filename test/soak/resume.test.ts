/** The crash test in small; `npm run soak:resume` runs it 200 times. */
import { expect, it } from "vitest";
import { cpuAvailable } from "../../src/engine/backend/cpu/index.ts";
import { killAndResume } from "./resume.ts";

it.skipIf(!cpuAvailable().ok)(
  "runs killed at random moments end in the same bytes as one that was not",
  async () => {
    const { runs, kills, different, complaints } = await killAndResume(5, 1);
    expect({ different, complaints }).toEqual({ different: 0, complaints: [] });
    expect(kills).toBeGreaterThanOrEqual(runs);
  },
  300_000,
);
