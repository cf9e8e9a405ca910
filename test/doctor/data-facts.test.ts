/** Facts of data: what the doctor's rules about columns, labels and parts go by. */
import { dataset, mnist } from "nabla/data";
import { dataFacts } from "nabla/doctor";
import { expect, it } from "vitest";

const n = 400;
const noise = (i: number, j: number): number => Math.sin(i * (j + 1) * 12.9898 + j) * 2;
const labels = Int32Array.from({ length: n }, (_, i) => (i * 7) % 3);

it("columns: means, deviations, what is constant, repeated or gives the target away", () => {
  const x = Array.from({ length: n }, (_, i) => {
    const first = noise(i, 1);
    return [first, 5, first, ((i * 7) % 3) * 2 - 1, noise(i, 2) + 10];
  });
  const { inputs } = dataFacts(dataset({ x, y: labels }));
  expect(inputs?.constant).toEqual([1]);
  expect(inputs?.duplicates).toEqual([[0, 2]]);
  expect(inputs?.leaks.map(({ column }) => column)).toEqual([3]);
  const last = x.map((row) => row[4] ?? 0);
  const mean = last.reduce((sum, value) => sum + value, 0) / n;
  expect(inputs?.columns[4]?.mean).toBeCloseTo(mean, 4);
  const variance = last.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
  expect(inputs?.columns[4]?.deviation).toBeCloseTo(Math.sqrt(variance), 4);
  expect(inputs?.notFinite).toBeNull();
});

it("rows that are not finite are counted, and the first is named", () => {
  const x = Array.from({ length: n }, (_, i) => [
    noise(i, 1),
    i === 30 || i === 50 ? Number.NaN : noise(i, 2),
  ]);
  const facts = dataFacts(dataset({ x, y: labels, allowNonFinite: true }));
  expect(facts.inputs?.notFinite).toEqual({ row: 30, column: 1, rows: 2 });
});

it("labels: counts, and whether they are sorted", () => {
  const x = Array.from({ length: n }, (_, i) => [noise(i, 1), noise(i, 2)]);
  const mixed = dataFacts(dataset({ x, y: labels })).targets;
  expect(mixed.counts?.get(0)).toBe(134);
  expect(mixed.changes).toBeGreaterThan(1);
  const sorted = dataFacts(dataset({ x, y: Int32Array.from(labels).sort() })).targets;
  expect(sorted.changes).toBeCloseTo(2 / (399 * (2 / 3)), 3);
});

it("validation rows among the training rows, and how far they lie off", () => {
  const rows = (from: number, shift = 0) =>
    dataset({
      x: Array.from({ length: n }, (_, i) => [noise(i + from, 1) * 1e-6, noise(i + from, 2) * 1e-6 + shift]),
      y: labels,
    });
  expect(dataFacts(rows(0), rows(200)).shared).toBeCloseTo(0.5, 5);
  expect(dataFacts(rows(0), rows(1000)).shared).toBe(0);
  const { shift } = dataFacts(rows(0), rows(1000, 1e-5));
  // A sine of amplitude 2e-6 has a deviation of 1.41e-6: 7 of them, over two columns.
  expect(shift).toBeCloseTo(1e-5 / (Math.SQRT2 * 1e-6) / Math.SQRT2, 0);
});

it("pixels stay bytes", async () => {
  const { train, test } = await mnist();
  const facts = dataFacts(train, test);
  expect(facts.inputs?.columns).toHaveLength(784);
  expect(facts.inputs?.scale).toBeCloseTo(0.33, 1);
  expect("compact" in train.x && train.x.compact).toBe(true);
  expect("compact" in test.x && test.x.compact).toBe(true);
});
