/** Schedules as charts. */
import { constant, linear, plot } from "nabla/optim";
import { expect, test } from "vitest";

const lines = (chart: string) => chart.split("\n").map((line) => line.trimEnd());

test("a chart has the asked size, the values' labels and the steps below", () => {
  const chart = lines(plot(linear({ from: 0, to: 0.4, steps: 100 }), { steps: 101, width: 30, height: 4 }));
  expect(chart).toHaveLength(4 + 1 + 1);
  expect(chart[0]).toMatch(/^ +0\.400 ┼ +╭─+$/);
  expect(chart[4]).toMatch(/^ +0\.00 ┼─+╯$/);
  expect(chart[5]).toMatch(/^ {11}0 +100$/);
  expect(Math.max(...chart.map((line) => line.length))).toBe(11 + 30);
});

test("a constant is a line at its value", () => {
  const chart = lines(plot(constant(3e-4), { steps: 10, width: 12 }));
  expect(chart[0]).toBe("  3.00e-4 ┼───────────");
  expect(chart).toHaveLength(2);
});
