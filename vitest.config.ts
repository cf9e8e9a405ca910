import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const src = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^nabla$/, replacement: src("index.ts") },
      { find: /^nabla\/(.*)$/, replacement: `${src("")}$1/index.ts` },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/built.ts"],
    testTimeout: 60_000,
    // Of two processors the default leaves one idle.
    maxWorkers: availableParallelism(),
    // The addon keeps threads and memory of its own: a process for each file, as a user's program would be.
    pool: "forks",
    // .ci/run reads the counts from the file.
    reporters: process.env.CI ? ["default", ["json", { outputFile: "build/tests.json" }]] : ["default"],
  },
});
