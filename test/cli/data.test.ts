/** nabla data: profiles in the terminal and as JSON, and one line for what cannot be read. */
import { afterAll, describe, expect, it } from "vitest";
import { bytesOf, goldens } from "../data/goldens/files.ts";
import { Workspace } from "./run.ts";

const space = new Workspace();
afterAll(() => space.remove());

const csv = `id,price,town,twice\n${Array.from({ length: 40 }, (_, i) => `${i},${(i * i) % 37},${["Bern", "Oslo"][i % 2]},${2 * ((i * i) % 37)}`).join("\n")}\n`;

describe("nabla data", () => {
  it("draws the columns of a table and names what gives the target away", async () => {
    const { stdout, code } = await space.run(["data", space.write("houses.csv", csv), "--target", "price"]);
    expect(stdout).toContain("houses.csv: 40 rows, 4 columns");
    expect(stdout).toMatch(/price\s+│ number\s+│\s+│\s+\d+ │ 0 to 36\s+│ .+ ± .+│ [▁▂▃▄▅▆▇█ ]+ │/);
    expect(stdout).toContain('! "twice" gives the target away: its correlation with it is 1.0000.');
    expect(stdout).toContain('! "id" is different in every row');
    expect(code).toBe(0);
  });

  it("as JSON", async () => {
    const { stdout } = await space.run(["data", space.write("houses.csv", csv), "--json", "--quiet"]);
    const profile = JSON.parse(stdout) as { rows: number; columns: { name: string }[] };
    expect(profile.rows).toBe(40);
    expect(profile.columns.map(({ name }) => name)).toEqual(["id", "price", "town", "twice"]);
  });

  it("tells the shape of arrays", async () => {
    const npz = await space.run(["data", space.write("digits.npz", bytesOf(goldens.npz.deflated))]);
    expect(npz.stdout).toContain("digits.npz, x: f32[4,3]");
    expect(npz.stdout).toContain("digits.npz, y: i32[4], 0 to 3");
    const idx = await space.run(["data", space.write("labels", Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 9))]);
    expect(idx.stdout).toContain("labels: uint8[2], 7 to 9, mean 8");
  });

  it.each<[string, string[], RegExp, number]>([
    ["a missing file", ["none.csv"], /none\.csv: cannot read: it does not exist/, 1],
    ["a bad row", [space.write("bad.csv", "a,b\n1\n")], /bad\.csv, line 2: a row must have as many cells/, 1],
    ["an unknown column", [space.write("t.csv", csv), "--target", "prise"], /Did you mean "price"\?/, 1],
    ["another kind of file", [space.write("a.xlsx", "PK")], /nabla data reads files that end in/, 2],
  ])("%s is one line", async (_, args, line, exit) => {
    const { stderr, stdout, code } = await space.run(["data", ...args]);
    expect(stderr.trimEnd()).toMatch(line);
    expect(stderr.trimEnd()).not.toContain("\n");
    expect([stdout, code]).toEqual(["", exit]);
  });
});
