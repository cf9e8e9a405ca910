/** nabla info: what this machine offers. */
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { cpuAvailable, deviceNames, formatBytes, getDevice, setThreads } from "../engine/runtime/index.ts";
import { describeError, exitCodes } from "./exit.ts";
import { type CommonOptions, printJson } from "./options.ts";
import { version } from "./version.ts";

/** A device's line; what is wrong and how to mend it where it cannot be used. */
function describeDevice(name: string): { name: string; available: boolean; description: string } {
  try {
    return { name, available: true, description: getDevice(name).backend.describe() };
  } catch (error) {
    return { name, available: false, description: describeError(error) };
  }
}

/** Runs the command and gives its exit code. */
export function info(options: CommonOptions): number {
  if (options.threads !== undefined) setThreads(options.threads);
  const addon = cpuAvailable();
  const facts = {
    nabla: version,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    threads: availableParallelism(),
    memory: totalmem(),
    free: freemem(),
    isa: process.env.NABLA_ISA ?? "the best there is",
    addon: addon.ok ? "loaded" : `missing: ${addon.cause} ${addon.cure}`,
    devices: deviceNames.map(describeDevice),
  };
  if (!options.json) {
    const lines: [string, string][] = [
      ["nabla", facts.nabla],
      ["node", facts.node],
      ["platform", facts.platform],
      ["processor", facts.processor],
      ["threads", String(facts.threads)],
      ["memory", `${formatBytes(facts.memory)}, ${formatBytes(facts.free)} free`],
      ["addon", facts.addon],
      ["NABLA_ISA", process.env.NABLA_ISA ?? "not set"],
      ...facts.devices.map(({ name, available, description }): [string, string] => [
        `device ${name}`,
        available ? description : `not available: ${description}`,
      ]),
    ];
    const width = Math.max(...lines.map(([name]) => name.length));
    process.stdout.write(lines.map(([name, text]) => `${name.padEnd(width)}  ${text}\n`).join(""));
  }
  printJson(options, facts);
  return exitCodes.done;
}
