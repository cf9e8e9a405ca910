/** Saving and loading is the identity on any tree of tensors, to the bit. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { fromBytes, type Tensor } from "nabla";
import { loadSafetensors, readTree, saveSafetensors } from "nabla/io";
import { afterAll, expect, it } from "vitest";
import { bytesPerElement, dtypes } from "../../src/engine/ir/index.ts";
import { sizeOf } from "../../src/util/index.ts";
import { runs } from "./recipe.ts";

const folder = mkdtempSync(join(tmpdir(), "nabla-save-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Any bits whatever: NaNs with a message, denormals, -0. */
const tensors: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...dtypes), fc.array(fc.nat({ max: 4 }), { maxLength: 3 }))
  .chain(([dtype, shape]) => {
    const bytes = sizeOf(shape) * bytesPerElement[dtype];
    const max = dtype === "bool" ? 1 : 255;
    return fc
      .uint8Array({ minLength: bytes, maxLength: bytes, max })
      .map((data) => fromBytes(data, dtype, shape));
  });

/** A slash separates the parts of a path, so a key cannot hold one. */
const keys = fc.string({ minLength: 1, maxLength: 8, unit: "grapheme" }).filter((key) => !key.includes("/"));

const { tree: trees } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    fc.dictionary(keys, tie("node"), { maxKeys: 4 }),
    fc.array(tie("node"), { maxLength: 3 }),
  ),
  node: fc.oneof({ maxDepth: 3 }, tensors, tie("tree")),
}));

it("loading gives back what was saved", async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(trees, async (tree) => {
      const path = join(folder, `${count++}.safetensors`);
      const before = await readTree(tree);
      await saveSafetensors(path, tree);
      const after = await readTree(await loadSafetensors(path));
      expect(after).toEqual(before);
    }),
    runs(150),
  );
});
