/** Installing where the addon cannot be built still succeeds, in one line that names cause and cure. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nabla-build-"));
  cpSync(join(root, "native"), join(folder, "native"), { recursive: true });
  mkdirSync(join(folder, "scripts"));
  cpSync(join(root, "scripts/build-native.mjs"), join(folder, "scripts/build-native.mjs"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function build(environment: Record<string, string>) {
  const { CXX: _, ...rest } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, "scripts/build-native.mjs")], {
    encoding: "utf8",
    env: { ...rest, ...environment },
  });
  const file = join(folder, "build/native-status.json");
  return {
    status,
    stdout,
    lines: stderr.trimEnd().split("\n"),
    left: JSON.parse(readFileSync(file, "utf8")),
  };
}

describe("building the addon", () => {
  it("without a compiler", () => {
    const { status, stdout, lines, left } = build({ PATH: "/nonexistent" });
    expect([status, stdout, lines.length]).toEqual([0, "", 1]);
    expect(lines[0]).toMatch(/no C\+\+17 compiler was found.*Install one.*reference device will serve/);
    expect(left).toMatchObject({
      ok: false,
      cause: expect.stringContaining("no C++17 compiler"),
      cure: expect.stringContaining("Install"),
    });
    expect(existsSync(join(folder, "build/nabla.node"))).toBe(false);
  });

  it("with a compiler that fails", () => {
    for (const name of readdirSync(join(folder, "native"))) {
      if (name.endsWith(".cpp")) writeFileSync(join(folder, "native", name), "");
    }
    writeFileSync(join(folder, "native/pool.cpp"), "#error broken on purpose\n");
    const { status, lines, left } = build({});
    expect([status, lines.length]).toEqual([0, 1]);
    expect(lines[0]).toContain("compiling it failed (details in build/native-build.log)");
    expect(left).toMatchObject({ ok: false });
    expect(readFileSync(join(folder, "build/native-build.log"), "utf8")).toContain("broken on purpose");
  });
});
