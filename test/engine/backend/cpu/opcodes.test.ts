/** The generated C++ is that of the table. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { generatedFiles } from "../../../../scripts/generate-opcodes.ts";
import { opcodes } from "../../../../src/engine/backend/cpu/opcodes.ts";

describe("generated opcodes", () => {
  it.each(generatedFiles)("%s is up to date (npx tsx scripts/generate-opcodes.ts)", (path, make) => {
    const file = fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
    expect(readFileSync(file, "utf8") === make()).toBe(true);
  });

  it("have names of their own", () => {
    expect(new Set(opcodes.map(({ name }) => name)).size).toBe(opcodes.length);
  });
});
