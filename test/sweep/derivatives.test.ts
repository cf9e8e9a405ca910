/** Every derivative rule against central differences. */
import { describe, expect, it } from "vitest";
import { compareDerivatives } from "./derivative.ts";
import { smoothCases, untested } from "./smooth.ts";

describe("derivative rules", () => {
  it("are all tested", () => {
    expect(untested).toEqual([]);
  });
  smoothCases.forEach((smooth, i) => {
    it(`${smooth.name} (${i})`, () => {
      expect(compareDerivatives(smooth)).toEqual([]);
    });
  });
});
