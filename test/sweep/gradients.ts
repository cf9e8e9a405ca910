/** Derivatives as devices compute them: first and second of every graph that test/engine/ops differentiates in f64. */
import { cases } from "../engine/ops/cases.ts";
import { gradients } from "../engine/ops/check.ts";
import { type Case, close } from "./case.ts";
import { encode } from "./host.ts";

/** One plan has one device, so copies have a test of their own. */
const onOneDevice = cases.filter(({ op }) => op !== "copy");

export const gradientCases = (): Case[] =>
  onOneDevice.map(({ op, name, inputs, build, order }, i) => ({
    name: `gradients of ${op} ${name} (${i})`,
    inputs: inputs.map(({ data, shape, dtype }) => encode(data, shape, dtype ?? "f32")),
    build: (params) => {
      const outs = build(params);
      const first = gradients(outs, params);
      return order < 2 ? [...outs, ...first] : [...outs, ...first, ...gradients(first, params)];
    },
    // Their weights are sines of numbers up to 40, which f32 rounds first.
    tolerance: close(3e-5),
  }));
