import { describe, expect, it } from "vitest";
import type { Op } from "../../../src/engine/ir/index.ts";
import { allOps, ops } from "../../../src/engine/ops/index.ts";
import { cases } from "./cases.ts";
import { checkDerivatives } from "./check.ts";

describe("derivatives against central differences", () => {
  it.each(cases.map((test): [string, (typeof cases)[number]] => [`${test.op} ${test.name}`, test]))(
    "%s",
    (_name, { inputs, build, order }) => checkDerivatives(inputs, build, order),
  );

  it("covers every primitive that has a rule", () => {
    const covered = new Set<Op>(cases.map(({ op }) => op));
    expect(allOps.filter((op) => ops[op].vjp !== null && !covered.has(op))).toEqual([]);
  });

  it("has no rule for these alone", () => {
    expect(allOps.filter((op) => ops[op].vjp === null).join(" ")).toMatchInlineSnapshot(
      `"floor lt le eq ne bitAnd bitOr bitXor shiftLeft shiftRight input const iota random argReduce argWindow argsort output stopGradient"`,
    );
  });
});
