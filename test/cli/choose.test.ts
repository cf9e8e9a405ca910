/** nabla lr-find and nabla compare, as their users run them; what they write; what nabla train takes of it. */
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, it, vi } from "vitest";
import { applyRunSettings, readRunSettings } from "../../src/cli/run-settings.ts";
import { ended, experiment, Workspace } from "./run.ts";

const workspace = new Workspace();
afterAll(() => workspace.remove());

const file = workspace.write("small.ts", experiment());

describe("nabla lr-find", () => {
  it("draws the losses and suggests a rate", async () => {
    const { code, stdout, stderr } = await workspace.run(["lr-find", file, "--steps", "60"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/smoothed loss\n.*[┤┼]/);
    expect(stdout).toMatch(/suggested learning rate [\d.e-]+ \(three quarters of the fall are behind it\)/);
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

describe("stopped by a signal", () => {
  const long = workspace.write("long.ts", experiment({ epochs: "100000" }));
  const stopped = async (args: readonly string[], said: RegExp, signal: NodeJS.Signals) => {
    const child = workspace.start(args);
    const end = ended(child);
    let heard = "";
    const say = (chunk: unknown): void => {
      if (said.test(heard)) return;
      heard += String(chunk);
      if (said.test(heard)) child.kill(signal);
    };
    child.stdout?.on("data", say);
    child.stderr?.on("data", say);
    return end;
  };
  const begins = `const loss: typeof crossEntropy = (...given) => {
  console.error("it begins");
  return crossEntropy(...given);
};`;
  const slow = workspace.write("slow.ts", experiment({ loss: "loss" }, begins));

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "%s shows what lr-find has found, and exits %d",
    async (signal, expected) => {
      const args = ["lr-find", slow, "--steps", "50000000", "--from", "1e-9"];
      const { code, stdout, stderr } = await stopped(args, /it begins/, signal);
      expect([code, stderr]).toEqual([expected, expect.stringContaining("showing what there is")]);
      expect(stdout).toContain("interrupted");
    },
    60_000,
  );

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "%s shows the folds that are done, and exits %d",
    async (signal, expected) => {
      // Says when the second fold begins: the first is done then, and the fit of the second is long.
      const second = `let begun = 0;
const callbacks = [{ start: (_: unknown, run: { stop(reason: string): void }) => {
  if (++begun === 2) console.error("the second fold begins");
}, stepEnd: (_: unknown, run: { stop(reason: string): void }) => begun === 1 && run.stop("enough") }];`;
      const two = workspace.write(
        "two.ts",
        experiment({ epochs: "1000000", callbacks: "callbacks" }, second),
      );
      const args = ["train", two, "--folds", "3", "--quiet", "--json"];
      const { code, stdout, stderr } = await stopped(args, /the second fold begins/, signal);
      expect([code, stderr]).toEqual([expected, expect.stringContaining("interrupted after 1 of 3 folds")]);
      expect(JSON.parse(stdout).folds).toHaveLength(1);
    },
    60_000,
  );

  it("SIGTERM ends a race with what is known, and exits 143", async () => {
    const args = ["compare", long, "--optimizers", "adam", "--rates", "1e-3,1e-2", "--budget", "10m"];
    const child = workspace.start([...args, "--json", "--quiet"]);
    const end = ended(child);
    await vi.waitUntil(() => lanes().length > 0, { timeout: 60_000, interval: 100 });
    child.kill("SIGTERM");
    const { code, stdout } = await end;
    expect(code).toBe(143);
    expect(JSON.parse(stdout)).toMatchObject({ finalists: [] });
    expect(lanes()).toEqual([]);
  }, 240_000);
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
    [["--budget", "soon"], /must be a time such as 60s, 2m or 1h30m/],
    [["--rates", "0.1,-1"], /must be a number above 0/],
    [["--target", "low"], /must be a number/],
    [["--parallel", "0"], /must be a whole number of at least 1/],
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

/** Processes that were started for this workspace's experiments. */
function lanes(): number[] {
  const processes = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  const own = processes.filter((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      return (
        command.includes("compare-lane") && readlinkSync(`/proc/${pid}/cwd`) === realpathSync(workspace.dir)
      );
    } catch {
      return false; // it has ended, or is another user's
    }
  });
  return own.map(Number);
}

const race = ["--optimizers", "momentum,adam", "--rates", "1e-6,0.02", "--steps", "4", "--seeds", "2"];

describe("several trials at once", () => {
  it("come to the same as one after the other", async () => {
    const results = await Promise.all(
      ["1", "2"].map(async (parallel) => {
        const { code, stdout } = await workspace.run([
          ...["compare", file, ...race, "--parallel", parallel, "--json", "--quiet"],
        ]);
        expect(code).toBe(0);
        return JSON.parse(stdout, (key, value) => (key === "seconds" ? 0 : value));
      }),
    );
    expect(results[0].trials).toHaveLength(4);
    expect(results[0]).toEqual(results[1]);
  }, 240_000);

  it("a trial that ends its process is a row that says so, and the others go on", async () => {
    const deadly = workspace.write(
      "deadly.ts",
      experiment(
        { loss: "deadly" },
        "const deadly = (o: any, t: any) => { if (process.send && process.argv.includes('lane') && ++made > 3) process.kill(process.pid, 'SIGKILL'); return crossEntropy(o, t); };\nlet made = 0;",
      ),
    );
    const { code, stdout } = await workspace.run([
      "compare",
      deadly,
      ...race,
      "--parallel",
      "1",
      "--json",
      "--quiet",
    ]);
    const { trials } = JSON.parse(stdout);
    expect([0, 1]).toContain(code);
    expect(
      trials.some(({ error }: { error: string | null }) => error === "its process ended (SIGKILL)"),
    ).toBe(true);
    expect(
      trials.some(({ error, steps }: { error: string | null; steps: number }) => error === null && steps > 0),
    ).toBe(true);
  }, 240_000);

  it("Ctrl-C ends all of them and reports what is known", async () => {
    const child = workspace.start([
      "compare",
      file,
      "--optimizers",
      "adam",
      "--rates",
      "1e-3,1e-2,1e-1",
      "--budget",
      "10m",
      "--epochs",
      "1000000",
      "--parallel",
      "2",
      "--apply",
    ]);
    const end = ended(child);
    await vi.waitUntil(() => lanes().length === 2, { timeout: 60_000, interval: 100 });
    // As a terminal does: to all of them.
    for (const pid of [child.pid as number, ...lanes()]) process.kill(pid, "SIGINT");
    const { code, stdout, stderr } = await end;
    expect(code).toBe(130);
    expect(stderr).toContain("finishing the steps under way and reporting");
    expect(stdout).toMatch(/interrupted/);
    expect(stdout).toContain("nothing is applied: the race was interrupted");
    expect(lanes()).toEqual([]);
    expect(existsSync(workspace.path("small.run.json"))).toBe(false);
  }, 240_000);
});

describe("--out", () => {
  it("writes a page that stands alone, its texts escaped", async () => {
    const odd = workspace.write("a&b.ts", experiment({ name: '"odd"' }));
    const { code, stdout } = await workspace.run(["compare", odd, ...race, "--out", "race.html"]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("report in race.html")]);
    const page = readFileSync(workspace.path("race.html"), "utf8");
    expect(page).toContain("nabla compare a&amp;b.ts");
    expect(page.match(/<svg /g)).toHaveLength(3);
    expect(page).not.toMatch(/<script|<link|https?:\/\/(?!www\.w3\.org)/);
  }, 240_000);

  it("writes the range test as SVG or HTML", async () => {
    for (const name of ["lr.svg", "lr.html"]) {
      const { code, stdout } = await workspace.run(["lr-find", file, "--steps", "60", "--out", name]);
      expect([code, stdout]).toEqual([0, expect.stringContaining(`report in ${name}`)]);
      expect(readFileSync(workspace.path(name), "utf8")).toMatch(/suggested [\d.e-]+<\/text>/);
    }
  }, 240_000);

  it("refuses another kind of file, and a folder that cannot be, before any work", async () => {
    const other = await workspace.run(["compare", file, "--out", "race.pdf"]);
    expect([other.code, other.stderr]).toEqual([2, "nabla: --out: must end in .html; got race.pdf.\n"]);
    const nowhere = await workspace.run(["lr-find", file, "--out", "small.ts/lr.svg"]);
    expect(nowhere.code).toBe(1);
    expect(nowhere.stderr).toMatch(/a part of the path is a file/);
  }, 240_000);
});

describe("--apply", () => {
  const own = workspace.write("own.ts", experiment());
  const settings = workspace.path("own.run.json");
  const train = (...args: string[]) => workspace.run(["train", own, "--epochs", "1", ...args]);

  it("writes the choice, nabla train takes and names it, flags win, and a change is shown", async () => {
    const first = await workspace.run(["compare", own, ...race, "--apply"]);
    expect(first.stdout).toContain("own.run.json: written; nabla train takes it");
    const written = JSON.parse(readFileSync(settings, "utf8"));
    expect(written).toMatchObject({ learningRate: 0.02, batchSize: 20, chosenBy: "nabla compare" });
    const { optimizer } = written;

    const plain = await train("--out", "a");
    expect(plain.stdout).toMatch(
      new RegExp(
        `own.run.json: optimizer ${optimizer}, learning rate 0.02, batch size 20 \\(nabla compare, \\d{4}-`,
      ),
    );
    const configOf = (run: string) => JSON.parse(readFileSync(workspace.path(run, "config.json"), "utf8"));
    expect(configOf("a")).toMatchObject({ optimizer, learningRate: 0.02, batchSize: 20 });

    const flags = await train("--out", "b", "--optimizer", "lion", "--batch-size", "8");
    expect(flags.stdout).toContain("own.run.json: the command line replaces all of it");
    expect(configOf("b")).toMatchObject({ optimizer: "lion", learningRate: null, batchSize: 8 });

    // What a run began with is what it goes on with.
    writeFileSync(settings, JSON.stringify({ ...written, optimizer: "rmsprop", learningRate: 0.5 }));
    const resumed = await workspace.run(["train", "--resume", "a", "--epochs", "2"]);
    expect([resumed.code, resumed.stdout]).toEqual([0, expect.not.stringContaining("run.json")]);

    const second = await workspace.run(["compare", own, ...race, "--apply", "--quiet"]);
    expect(second.stderr).toContain(`optimizer: rmsprop -> ${optimizer}`);
    expect(second.stderr).toContain("learningRate: 0.5 -> 0.02");
    expect(JSON.parse(readFileSync(settings, "utf8")).optimizer).toBe(optimizer);
  }, 300_000);

  it.each([
    ['{ "optimiser": "adam" }', /own.run.json: there is no field "optimiser". Did you mean "optimizer"/],
    ['{ "optimizer": "adm" }', /optimizer must be the name of an optimizer; got "adm". Did you mean "adam"/],
    ['{ "optimizer": "adam" }', /the field "learningRate" is missing; it must be a number above 0/],
    ["[]", /own.run.json: must be an object with optimizer, learningRate/],
    ["{", /own.run.json: must be JSON/],
  ])("refuses %s, and replaces none that it cannot read", async (text, message) => {
    writeFileSync(settings, text);
    const experiment = workspace.path(own);
    const chosen = { optimizer: "adam", learningRate: 0.1, batchSize: 8, chosenBy: "me", chosenAt: "" };
    await expect(readRunSettings(experiment)).rejects.toThrow(message);
    await expect(applyRunSettings(experiment, chosen)).rejects.toThrow(message);
    expect(readFileSync(settings, "utf8")).toBe(text);
  });

  it("ends both commands with a wrong file, before any work", async () => {
    writeFileSync(settings, "{}");
    for (const command of [["train"], ["compare", "--apply"]]) {
      const { code, stderr } = await workspace.run([...command, own]);
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining('own.run.json: the field "optimizer" is missing'),
      ]);
    }
  }, 60_000);
});
