/** The devices of this process: which there are and which is the default. */
import { availableParallelism } from "node:os";
import { ConfigError } from "../../util/index.ts";
import { cpuAvailable, cpuBackend } from "../backend/cpu/index.ts";
import { referenceBackend } from "../backend/reference/index.ts";
import type { Aval, Backend, BufferId } from "../ir/index.ts";

/** A backend in use, with what the runtime knows of its memory. */
export interface Device {
  readonly name: DeviceName;
  readonly backend: Backend;
  /** Every live storage's buffer; holds no storage, so that collection works. */
  readonly live: Map<BufferId, Aval>;
}

export const deviceNames = ["cpu", "reference"] as const;
export type DeviceName = (typeof deviceNames)[number];

const devices = new Map<DeviceName, Device>();
let threadsWanted: number | null = null;
let chosen: DeviceName | null = null;

function parseName(name: string): DeviceName {
  const found = deviceNames.find((known) => known === name);
  if (found === undefined) {
    throw new ConfigError(`device: must be one of ${deviceNames.join(", ")}; got "${name}".`);
  }
  return found;
}

function openBackend(name: DeviceName): Backend {
  switch (name) {
    case "reference":
      return referenceBackend();
    case "cpu": {
      const state = cpuAvailable();
      if (!state.ok) throw new ConfigError(`device: "cpu" is not available: ${state.cause} ${state.cure}`);
      return cpuBackend(threadsWanted === null ? {} : { threads: threadsWanted });
    }
    default:
      return name satisfies never;
  }
}

/** The device of that name, opened at first use. Throws ConfigError for an unknown or unavailable one. */
export function getDevice(name: string): Device {
  const parsed = parseName(name);
  let device = devices.get(parsed);
  if (device === undefined) {
    device = { name: parsed, backend: openBackend(parsed), live: new Map() };
    devices.set(parsed, device);
  }
  return device;
}

/** Devices opened so far. */
export const openDevices = (): Device[] => [...devices.values()];

/**
 * Where new tensors go: what `setDefaultDevice` or NABLA_DEVICE says, else "cpu", else (no addon) "reference", with a warning
 * that names the cause and the cure.
 */
export function defaultDevice(): Device {
  if (chosen === null) {
    const wanted = process.env.NABLA_DEVICE;
    if (wanted !== undefined && wanted !== "") chosen = parseName(wanted);
    else {
      const state = cpuAvailable();
      chosen = state.ok ? "cpu" : "reference";
      if (!state.ok) {
        process.emitWarning(
          `the native addon is not there, so the slow reference device serves: ${state.cause} ${state.cure}`,
          {
            type: "NablaWarning",
          },
        );
      }
    }
  }
  return getDevice(chosen);
}

/** Makes `name` the device of tensors created from now on. Throws ConfigError for an unknown or unavailable one. */
export function setDefaultDevice(name: string): void {
  chosen = getDevice(name).name;
}

/**
 * How many threads the cpu device uses, at most as many as the machine offers this process (more would only wait for each other);
 * results are the same bits for any number. Takes effect before the device's first use.
 * Throws ConfigError when it is too late or not a positive integer.
 */
export function setThreads(threads: number): void {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new ConfigError(
      `threads: must be a positive integer; got ${threads}. This machine offers ${availableParallelism()}.`,
    );
  }
  const most = Math.min(threads, availableParallelism());
  if (devices.has("cpu") && most !== threadsWanted) {
    throw new ConfigError(
      "threads: must be set before the cpu device is first used. Call setThreads at the start of the program.",
    );
  }
  threadsWanted = most;
}
