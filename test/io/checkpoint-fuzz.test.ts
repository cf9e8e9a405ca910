/** Checkpoints that were damaged or tampered with: a DataError or FileError, never another one, never other values than were saved. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { DataError } from "nabla";
import { FileError, loadSafetensors } from "nabla/io";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { checkOf, type Manifest } from "../../src/io/checkpoint.ts";
import { make, rows, values } from "../train/trainer-parts.ts";

const dir = mkdtempSync(join(tmpdir(), "nabla-fuzz-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const manifestPath = join(dir, "manifest.json");
let manifest: string;
let statePath: string;
let state: Buffer;
let saved: Record<string, number[]>;
let parsed: Manifest;
beforeAll(async () => {
  const trainer = make();
  await trainer.fit(rows(40), { epochs: 2, batchSize: 16, validation: rows(20) });
  await trainer.save(dir);
  saved = await values(trainer);
  manifest = readFileSync(manifestPath, "utf8");
  const { check, ...rest } = JSON.parse(manifest);
  expect(check).toBe(checkOf(rest));
  parsed = rest;
  statePath = join(dir, parsed.file);
  state = readFileSync(statePath);
});
beforeEach(() => {
  writeFileSync(manifestPath, manifest);
  writeFileSync(statePath, state);
});

/** Resumes; either what was saved, or an error of the kinds that bad files have. */
async function resumed(trainer = make()): Promise<"same" | "refused"> {
  try {
    await trainer.resume(dir);
  } catch (error) {
    if (error instanceof DataError || error instanceof FileError) {
      expect(error.message).not.toContain("\n");
      return "refused";
    }
    throw error;
  }
  expect(await values(trainer)).toEqual(saved);
  return "same";
}

/** A manifest with other contents, as one writes who knows the format. */
const forged = (data: unknown): string => {
  const whole = { ...parsed, data };
  return JSON.stringify({
    ...whole,
    check: createHash("sha256").update(JSON.stringify(whole)).digest("hex").slice(0, 16),
  });
};

/** Any JSON, with what breaks naive readers: other types, huge numbers, keys of prototypes. */
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 0, -1, 1e308, -1e308, 2 ** 53, 1.5, "", "x"),
    fc.string(),
    fc.array(tie("json"), { maxLength: 3 }),
    fc.dictionary(
      fc.oneof(
        fc.constantFrom("__proto__", "constructor", "toString", "length", "loss", "epoch"),
        fc.string(),
      ),
      tie("json"),
      { maxKeys: 3, noNullPrototype: true },
    ),
  ),
}));

describe("a manifest", () => {
  it("with a bit flipped is refused, or means the same", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(manifest.length * 8 - 1), async (bit) => {
        const bytes = Buffer.from(manifest);
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
        writeFileSync(manifestPath, bytes);
        const { position, history } = parsed.data;
        const trainer = make();
        const outcome = await resumed(trainer);
        const now = JSON.parse(JSON.stringify({ position: trainer.position, history: trainer.history }));
        const fresh = make();
        expect(now).toEqual(
          outcome === "same" ? { position, history } : { position: fresh.position, history: fresh.history },
        );
      }),
      { numRuns: 150 },
    );
  });

  it("cut anywhere is refused", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(manifest.trimEnd().length - 1), async (length) => {
        writeFileSync(manifestPath, manifest.slice(0, length));
        expect(await resumed()).toBe("refused");
      }),
      { numRuns: 30 },
    );
  });

  it("that is any JSON is refused", async () => {
    await fc.assert(
      fc.asyncProperty(json, async (value) => {
        writeFileSync(manifestPath, JSON.stringify(value));
        expect(await resumed()).toBe("refused");
      }),
      { numRuns: 60 },
    );
  });

  it("with any JSON in one of its fields is refused, or holds the same values", async () => {
    const fields = fc.constantFrom("format", "version", "file", "bytes", "sha256", "data");
    await fc.assert(
      fc.asyncProperty(fields, json, async (field, value) => {
        writeFileSync(manifestPath, JSON.stringify({ ...parsed, [field]: value }));
        await resumed();
      }),
      { numRuns: 100 },
    );
  });

  it("forged with any JSON in what a Trainer said of itself is refused, or holds the same values", async () => {
    const fields = fc.constantFrom("position", "history", "run", "noise", "callbacks", "snapshots");
    await fc.assert(
      fc.asyncProperty(fields, json, async (field, value) => {
        writeFileSync(manifestPath, forged({ ...parsed.data, [field]: value }));
        await resumed();
      }),
      { numRuns: 150 },
    );
  });

  it.each(["callbacks", "history", "anything"])(
    "nested ten thousand deep in %s is refused",
    async (field) => {
      const deep = `${"[".repeat(10_000)}${"]".repeat(10_000)}`;
      const text = JSON.stringify({ ...parsed, data: { ...parsed.data, [field]: "here" } });
      writeFileSync(manifestPath, text.replace('"here"', deep));
      expect(await resumed()).toBe("refused");
      await expect(make().resume(dir)).rejects.toThrow("must be nested at most 100 deep");
    },
  );
});

describe("a state", () => {
  it("with a bit flipped, cut or continued is refused", async () => {
    const change = fc.oneof(
      fc.nat(state.length * 8 - 1).map((bit) => () => {
        const bytes = Buffer.from(state);
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
        writeFileSync(statePath, bytes);
      }),
      fc.nat(state.length - 1).map((length) => () => truncateSync(statePath, length)),
      fc
        .uint8Array({ minLength: 1, maxLength: 20 })
        .map((more) => () => writeFileSync(statePath, Buffer.concat([state, more]))),
    );
    await fc.assert(
      fc.asyncProperty(change, async (apply) => {
        writeFileSync(statePath, state);
        apply();
        expect(await resumed()).toBe("refused");
      }),
      { numRuns: 100 },
    );
  });

  it("whose header is any JSON is refused, with a digest that is right", async () => {
    const entry = fc.record(
      {
        dtype: fc.oneof(fc.constantFrom("F32", "I64", "BOOL"), json),
        shape: fc.oneof(fc.array(fc.nat(3), { maxLength: 3 }), json),
        data_offsets: fc.oneof(fc.tuple(fc.nat(40), fc.nat(40)), json),
      },
      { noNullPrototype: true },
    );
    const header = fc.oneof(
      json,
      fc.dictionary(fc.oneof(fc.constantFrom("__proto__", "a", "params/x"), fc.string()), entry),
    );
    await fc.assert(
      fc.asyncProperty(header, fc.nat(40), async (value, size) => {
        const text = Buffer.from(JSON.stringify(value));
        const head = Buffer.alloc(8);
        head.writeBigUInt64LE(BigInt(text.length));
        const bytes = Buffer.concat([head, text, Buffer.alloc(size)]);
        const sha256 = createHash("sha256").update(bytes).digest("hex");
        writeFileSync(statePath, bytes);
        writeFileSync(manifestPath, JSON.stringify({ ...parsed, bytes: bytes.length, sha256 }));
        expect(await resumed()).toBe("refused");
      }),
      { numRuns: 150 },
    );
  });

  it("whose header is nested ten thousand deep is refused", async () => {
    const text = Buffer.from(
      `{"a":{"dtype":${"[".repeat(10_000)}${"]".repeat(10_000)},"shape":[],"data_offsets":[0,0]}}`,
    );
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(BigInt(text.length));
    writeFileSync(join(dir, "deep.safetensors"), Buffer.concat([head, text]));
    await expect(loadSafetensors(join(dir, "deep.safetensors"))).rejects.toThrow(DataError);
  });
});
