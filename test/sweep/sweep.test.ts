/** Every primitive on every device against its f64 meaning, and the devices that promise equal bits against each other. */
import { describe, expect, it } from "vitest";
import { fused, testDevices } from "./devices.ts";
import { casesIn, groups, sweep } from "./sweep.ts";

/** By device, the digest of each case's results. */
const digests = new Map<string, Map<string, string>>();

describe("the sweep", () => {
  it("gives every case a name of its own", () => {
    const names = groups.flatMap((group) => casesIn(group).map(({ name }) => name));
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });
});

describe.each(testDevices())("$name", ({ name, backend }) => {
  const mine = new Map<string, string>();
  digests.set(name, mine);

  it.each(groups)("%s", async (group) => {
    const verdicts = await sweep(backend, group);
    expect(verdicts.length).toBeGreaterThan(0);
    for (const verdict of verdicts) mine.set(verdict.name, verdict.digest);
    const problems = verdicts.filter(({ problem }) => problem !== null);
    expect(problems.map((verdict) => `${verdict.name}: ${verdict.problem}`)).toEqual([]);
  });
});

describe("instruction sets with fused multiply-add", () => {
  const present = [...digests.keys()].filter((name) => fused.includes(name));
  it("give the same bits", () => {
    const [first, ...others] = present.map((name) => digests.get(name) as Map<string, string>);
    for (const other of others) {
      const differing = [...(first ?? [])].filter(([name, digest]) => other.get(name) !== digest);
      expect(differing.map(([name]) => name)).toEqual([]);
    }
  });
});
