/** Spawns the command line as it is built, in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Workspace {
  readonly dir = mkdtempSync(join(tmpdir(), "nabla-cli-"));

  write(name: string, content: string | Uint8Array): string {
    writeFileSync(join(this.dir, name), content);
    return name;
  }

  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  start(
    args: readonly string[],
    options: { env?: Record<string, string>; shell?: string } = {},
  ): ChildProcess {
    const command = [main, ...args];
    const settings = { cwd: this.dir, env: { ...process.env, NABLA_DEBUG: "", ...options.env } };
    return options.shell
      ? spawn("sh", ["-c", `${options.shell}; exec "$@"`, "sh", process.execPath, ...command], settings)
      : spawn(process.execPath, command, settings);
  }

  run(
    args: readonly string[],
    options: { env?: Record<string, string>; shell?: string } = {},
  ): Promise<Ended> {
    return ended(this.start(args, options));
  }
}

export function ended(child: ChildProcess): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      // Said where there is no compiler; it is no part of what these tests are about.
      const shown = stderr.replace(/^nabla: warning: the native addon is not there.*\n/m, "");
      resolve({ code, stdout, stderr: shown });
    });
  });
}

/** A small experiment: 3 classes told apart by 4 features. The fields of `change` replace its own, as source text. */
export function experiment(change: Record<string, string> = {}, before = ""): string {
  const fields = {
    name: '"small"',
    data: "() => ({ train: rows(96), validation: rows(32) })",
    model: "() => new Sequential(new Linear(4, 8), relu, new Linear(8, 3))",
    loss: "crossEntropy",
    optimizer: "adam(1e-2)",
    metrics: '["accuracy"]',
    epochs: "3",
    batchSize: "20",
    ...change,
  };
  return `import { dataset, mnist } from "nabla/data";
import { crossEntropy, Linear, relu, Sequential } from "nabla/nn";
import { adam, sgd } from "nabla/optim";
import { defineExperiment } from "nabla/train";
void [mnist, sgd];
const rows = (n: number) => {
  const x = Array.from({ length: n }, (_, i) => [Math.sin(i), Math.cos(2 * i), Math.sin(3 * i), i % 3]);
  return dataset({ x, y: Array.from({ length: n }, (_, i) => i % 3) });
};
${before}
export default defineExperiment({
${Object.entries(fields)
  .map(([name, value]) => `  ${name}: ${value},`)
  .join("\n")}
});
`;
}
