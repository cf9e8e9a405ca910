/** Run folders that were tampered with, or are none: each command bears it, or ends in one line. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { experiment, Workspace } from "./run.ts";

const space = new Workspace();
afterAll(() => space.remove());
beforeAll(async () => {
  space.write("small.ts", experiment({ epochs: "2" }));
  expect((await space.run(["train", "small.ts", "--out", "made", "--quiet"])).code).toBe(0);
});

const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
const put = (name: string, text: string) => (run: string) => writeFileSync(space.path(run, name), text);
const damages: Readonly<Record<string, (run: string) => void>> = {
  "files of other kinds": (run) => {
    for (const name of ["config.json", "history.jsonl", "status.json", "summary.json"])
      put(name, "[null, {}]\n")(run);
  },
  "files nested ever so deep": (run) => {
    for (const name of ["config.json", "history.jsonl", "status.json"]) put(name, `${deep}\n`)(run);
  },
  "a history of bytes": put("history.jsonl", '\u0000\ufffd{]\n{"epoch": 1e999}\n'),
  "a history of other types": put(
    "history.jsonl",
    '{"epoch":"1","step":{},"train":[],"validation":7}\n{"__proto__":{"epoch":1}}\n',
  ),
  "folders in place of files": (run) => {
    for (const name of ["history.jsonl", "status.json"]) {
      rmSync(space.path(run, name), { force: true });
      mkdirSync(space.path(run, name));
    }
  },
  "a checkpoint that is a file": (run) => {
    rmSync(space.path(run, "checkpoint"), { recursive: true });
    put("checkpoint", "x")(run);
  },
  "a manifest of anything": (run) => {
    for (const name of ["manifest.json", "manifest-000001.json", "manifest-000002.json"])
      put(`checkpoint/${name}`, `{"format":"nabla-checkpoint","version":{"toString":1},"data":${deep}}`)(run);
  },
  "nothing that a run has": (run) => {
    rmSync(space.path(run), { recursive: true });
    mkdirSync(space.path(run));
    put("notes.txt", "hello")(run);
  },
};
const commands: readonly (readonly string[])[] = [
  ["train", "--quiet", "--epochs", "3", "--resume"],
  ["report"],
  ["runs", "list"],
  ["doctor"],
  ["evaluate", "--quiet"],
];

describe.each(Object.entries(damages))("%s", (name, damage) => {
  it.each(commands)("nabla %s", async (...command) => {
    const run = `${name.replaceAll(" ", "-")}-${command[0]}`;
    cpSync(space.path("made"), space.path(run), { recursive: true });
    damage(run);
    const { code, stdout, stderr } = await space.run([...command, run]);
    const lines = stderr.trimEnd().split("\n");
    expect([0, 1, 2]).toContain(code);
    expect(`${stdout}${stderr}`).not.toMatch(/TypeError|RangeError|ZodError|\n {4}at /);
    // An error is its one line; warnings may come before it.
    const errors = lines.filter((line) => line !== "" && !line.startsWith("nabla: warning: "));
    if (command[0] !== "doctor") expect(errors).toHaveLength(code === 0 ? 0 : 1);
    for (const line of errors) expect(line).toMatch(code === 0 ? /./ : /^nabla: /);
  });
});
