/** The cases of every primitive; a primitive without a row does not compile. */
import type { Op, ScalarOp } from "../../../src/engine/ir/index.ts";
import type { Case } from "../case.ts";
import { convCases, matmulCases } from "./contraction.ts";
import { argsortCases, gatherCases, scatterCases } from "./indexing.ts";
import { constCases, inputCases, iotaCases, randomCases } from "./leaves.ts";
import { concatCases, expandCases, padCases, permuteCases, reshapeCases, sliceCases } from "./movement.ts";
import { argReduceCases, cumulateCases, reduceCases } from "./reduce.ts";
import { castCases, scalarCases, scalarOps } from "./scalar.ts";
import { compositeCases, identityCases, loopCases, outputCases } from "./structure.ts";
import { argWindowCases, reduceWindowCases } from "./window.ts";

/** `copy` crosses devices, which no single plan does: copy.test.ts has its cases. */
export type Swept = Exclude<Op, "copy">;

const scalars = Object.fromEntries(scalarOps.map((op) => [op, () => scalarCases(op)])) as Record<
  ScalarOp,
  () => Case[]
>;

export const casesOf: Readonly<Record<Swept, () => Case[]>> = {
  ...scalars,
  input: inputCases,
  const: constCases,
  iota: iotaCases,
  random: randomCases,
  cast: castCases,
  reduce: reduceCases,
  argReduce: argReduceCases,
  cumulate: cumulateCases,
  reshape: reshapeCases,
  permute: permuteCases,
  expand: expandCases,
  pad: padCases,
  slice: sliceCases,
  concat: concatCases,
  gather: gatherCases,
  scatter: scatterCases,
  matmul: matmulCases,
  conv: () => convCases("conv"),
  convInputGrad: () => convCases("convInputGrad"),
  convFilterGrad: () => convCases("convFilterGrad"),
  reduceWindow: reduceWindowCases,
  argWindow: argWindowCases,
  argsort: argsortCases,
  composite: compositeCases,
  loop: loopCases,
  output: outputCases,
  stopGradient: () => identityCases("stopGradient"),
  collective: () => identityCases("collective"),
};

export const sweptOps = Object.keys(casesOf) as Swept[];
