import { describe, expect, test } from "vitest";
import { noise, othersShare, parseProcess, parseStat, readUsage, treeTicks } from "../../bench/quiet.ts";

test("parseStat sums the ticks; idle and waiting for a disk are not busy, stolen time is", () => {
  const text = "cpu  100 20 30 800 40 0 5 7 3 1\ncpu0 50 10 15 400 20 0 2 3 1 0\n";
  expect(parseStat(text)).toEqual({ total: 1002, busy: 162 });
});

test("parseProcess reads past a name with spaces and parentheses", () => {
  const text = "4242 (a (b) c) S 17 4242 4242 0 -1 4194560 1 2 3 4 11 22 33 44 20 0 1 0 999";
  expect(parseProcess(text)).toEqual({ pid: 4242, parent: 17, ticks: 110 });
});

test("treeTicks counts a process and all below it", () => {
  const processes = [
    { pid: 1, parent: 0, ticks: 1000 },
    { pid: 10, parent: 1, ticks: 1 },
    { pid: 11, parent: 10, ticks: 2 },
    { pid: 12, parent: 11, ticks: 4 },
    { pid: 20, parent: 1, ticks: 500 },
  ];
  expect(treeTicks(processes, 10)).toBe(7);
});

describe("othersShare", () => {
  test("is what was busy and not ours", () => {
    const before = { total: 1000, busy: 400, own: 100 };
    expect(othersShare(before, { total: 1200, busy: 550, own: 200 })).toEqual([0.25]);
  });

  test("stays within 0 and 1 though the readings are not of one moment", () => {
    const before = { total: 1000, busy: 400, own: 100 };
    expect(othersShare(before, { total: 1200, busy: 450, own: 160 })).toEqual([0]);
  });

  test("is nothing where nothing is known", () => {
    expect(othersShare(undefined, undefined)).toEqual([]);
  });
});

describe("noise", () => {
  test("is none on a quiet machine, whatever the load a minute ago", () => {
    expect(noise({ load: 2, cores: 2, others: [0, 0.03] })).toBeUndefined();
    expect(noise({ load: 0.2, cores: 2, others: [] })).toBeUndefined();
  });

  test("says how much others took, or the load where that is all there is", () => {
    expect(noise({ load: 1.5, cores: 2, others: [0.02, 0.4, 0.1] })).toBe(
      "others took up to 40 % of its 2 cores, in 2 of 3 readings; load 1.5 before",
    );
    expect(noise({ load: 1.5, cores: 2, others: [] })).toBe("load 1.5 before the start");
  });
});

test.runIf(process.platform === "linux")("readUsage counts what this process takes", () => {
  const before = readUsage();
  const start = process.cpuUsage();
  while (process.cpuUsage(start).user < 200_000); // 20 ticks
  const after = readUsage();
  expect(after?.own).toBeGreaterThan(before?.own ?? Number.NaN);
  expect(after?.busy).toBeGreaterThan(before?.busy ?? Number.NaN);
});
