/** Weights out of checkpoints of other models, and out of the best of several. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Linear, relu, Sequential } from "nabla/nn";
import { checkpoint } from "nabla/train";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keptCheckpoints } from "../../src/io/index.ts";
import { make, rows, values } from "./trainer-parts.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-load-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const model = (width: number, classes: number) =>
  new Sequential(new Linear(4, width), relu, new Linear(width, classes));

describe("load of another model's checkpoint", () => {
  const folder = join(dir, "other");
  const saved = make({ model: model(8, 5) });
  beforeAll(() => saved.save(folder));

  it("says all that differs and how to take the rest", async () => {
    await expect(make({ model: model(8, 3) }).load(folder)).rejects.toThrow(
      /other: params\/layers\/2\/bias must be f32\[3\], and is f32\[5\], params\/layers\/2\/weight must be f32\[8,3\], and is f32\[8,5\]; 2 of 4 tensors fit\. .* taken by trainer\.load\(dir, \{ partial: true \}\)\.$/,
    );
    await expect(make({ model: model(8, 3) }).resume(folder)).rejects.toThrow(
      /tensors fit\. .*partial: true/,
    );
  });

  it("takes what fits, leaves the rest, and says which", async () => {
    const trainer = make({ model: model(8, 3) });
    await trainer.evaluate(rows(3)); // it has values then
    const before = await values(trainer);
    const report = await trainer.load(folder, { partial: true });
    expect(report.matched).toEqual(["layers/0/weight", "layers/0/bias"]);
    expect(report.reshaped.map(({ path }) => path)).toEqual(["layers/2/weight", "layers/2/bias"]);
    const [now, theirs] = [await values(trainer), await values(saved)];
    expect(now["layers/0/weight"]).toEqual(theirs["layers/0/weight"]);
    expect(now["layers/2/weight"]).toEqual(before["layers/2/weight"]);
    // What it now has is trained.
    await trainer.fit(rows(20), { epochs: 1 });
    expect(await values(trainer)).not.toEqual(now);
  });

  it("is an error where nothing fits", async () => {
    await expect(make({ model: new Linear(4, 3) }).load(folder, { partial: true })).rejects.toThrow(
      "initFrom: a tensor must have the path and shape of a parameter",
    );
  });
});

describe("load of the best", () => {
  const folder = join(dir, "best");
  const options = { batchSize: 8, epochs: 5, validation: rows(20, 0.3) };
  beforeAll(async () => {
    const keep = { last: 2, best: 1 };
    // Backwards, so that the best is the first.
    const callback = checkpoint(folder, { every: 1, minSeconds: 0, keep, mode: "max" });
    await make({ callbacks: [callback] }).fit(rows(60), options);
  });

  it("goes by what the run went by, unless told otherwise", async () => {
    expect(await keptCheckpoints(folder)).toHaveLength(3);
    const first = make();
    await first.fit(rows(60), { ...options, epochs: 1 });
    const [best, newest, least] = [make(), make(), make()];
    await best.load(folder, { which: "best" });
    await newest.load(folder);
    await least.load(folder, { which: "best", mode: "min" });
    expect(await values(best)).toEqual(await values(first));
    expect(await values(least)).toEqual(await values(newest));
    expect(await values(newest)).not.toEqual(await values(best));
  });

  it("says where there is none", async () => {
    await expect(make().load(folder, { which: "best", monitor: "validation.f1" })).rejects.toThrow(
      "none of its 3 checkpoints has a validation.f1",
    );
    await make().save(join(dir, "single"));
    await expect(make().load(join(dir, "single"), { which: "best" })).rejects.toThrow(
      "holds no checkpoint of several to choose the best of",
    );
  });
});
