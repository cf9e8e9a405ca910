/** nabla lr-find and nabla compare, as their users run them. */
import { afterAll, describe, expect, it } from "vitest";
import { experiment, Workspace } from "./run.ts";

const workspace = new Workspace();
afterAll(() => workspace.remove());

const file = workspace.write("small.ts", experiment());

describe("nabla lr-find", () => {
  it("draws the losses and suggests a rate", async () => {
    const { code, stdout, stderr } = await workspace.run(["lr-find", file, "--steps", "60"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/smoothed loss\n.*[┤┼]/);
    expect(stdout).toMatch(/suggested learning rate [\d.e-]+ \(steepest fall\)/);
    expect(stdout).toContain("try: nabla train small.ts --lr");
  }, 60_000);

  it("gives all points as JSON", async () => {
    const { code, stdout } = await workspace.run([
      ...["lr-find", file, "--optimizer", "sgd", "--json", "--quiet", "--from", "1e-4", "--to", "1"],
    ]);
    expect(code).toBe(0);
    const result = JSON.parse(stdout);
    expect(result.points.length).toBeGreaterThan(50);
    expect(result.points[0]).toMatchObject({ learningRate: expect.closeTo(1e-4, 8) });
    expect(result.suggestion).toBeGreaterThan(1e-4);
  }, 60_000);
});

describe("nabla compare", () => {
  it("reports a table, the two best with their seeds, and what to run", async () => {
    const { code, stdout } = await workspace.run([
      ...["compare", file, "--optimizers", "momentum,adam", "--rates", "1e-6,0.02"],
      ...["--budget", "2s", "--seeds", "2"],
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/optimizer .*rate .*batch .*loss .*steps .*time .*state/);
    expect(stdout).toMatch(/best: (adam|momentum) at 0.020, batch 20: [\d.e-]+ ± [\d.e-]+ over 2 seeds/);
    expect(stdout).toMatch(/the difference is (inside|beyond) the noise/);
    expect(stdout).toMatch(/try: nabla train small.ts --optimizer (adam|momentum) --lr 0.02 --batch-size 20/);
  }, 60_000);

  it.each([
    [["--optimizers", "adm"], /there is no "adm".*Did you mean "adam"/],
    [["--budget", "soon"], /must be a time such as 60s or 2m/],
    [["--rates", "0.1,-1"], /must be a number above 0/],
  ])(
    "refuses %j",
    async (args, message) => {
      const { code, stdout, stderr } = await workspace.run(["compare", file, ...args]);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(message);
    },
    60_000,
  );
});
