/** Finds and loads the native addon; says why there is none. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { ConfigError, packageFile } from "../../../util/index.ts";

/** The addon's functions; see native/napi.cpp. */
export interface Addon {
  isas(): string[];
  create(isa: number, threads: number, memoryLimit: number, catalogue: number): number;
  threads(context: number): number;
  alloc(context: number, bytes: number): number;
  lend(context: number, bytes: Uint8Array): number;
  free(context: number, id: number): void;
  write(context: number, id: number, offset: number, bytes: Uint8Array): void;
  read(context: number, id: number, offset: number, into: Uint8Array): Promise<void> | undefined;
  load(context: number, program: Int32Array, constants: Uint8Array): number;
  cost(context: number, program: number): number;
  explain(context: number, program: number): string[];
  time(context: number, program: number, on: 0 | 1): void;
  times(context: number, program: number): number[];
  unload(context: number, program: number): void;
  run(context: number, program: number, ids: Int32Array, scalars: Float64Array): void;
  call(context: number, program: number, ids: Int32Array, from: Float32Array, to: Float32Array): void;
  runMany(
    context: number,
    program: number,
    ids: Int32Array,
    scalars: Float64Array,
    count: number,
  ): Promise<void>;
  stats(context: number, into: Float64Array): void;
}

export type Availability =
  | { readonly ok: true }
  /** Two sentences for the user. */
  | { readonly ok: false; readonly cause: string; readonly cure: string };

type Loaded = { readonly ok: true; readonly addon: Addon } | Extract<Availability, { ok: false }>;

const rebuild = "Run npm rebuild nabla.";
let loaded: Loaded | null = null;

/** What scripts/build-native.mjs left behind when it could not build. */
function whyNotBuilt(): Extract<Availability, { ok: false }> {
  const missing = { ok: false, cause: "the native addon has not been built.", cure: rebuild } as const;
  const file = packageFile("build/native-status.json");
  if (!existsSync(file)) return missing;
  const status: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (typeof status !== "object" || status === null || !("cause" in status) || !("cure" in status))
    return missing;
  return { ok: false, cause: String(status.cause), cure: String(status.cure) };
}

function load(): Loaded {
  const file = packageFile("build/nabla.node");
  if (!existsSync(file)) return whyNotBuilt();
  try {
    return { ok: true, addon: createRequire(import.meta.url)(fileURLToPath(file)) as Addon };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n")[0] as string) : String(error);
    return { ok: false, cause: `the native addon does not load (${reason}).`, cure: rebuild };
  }
}

function tryLoad(): Loaded {
  loaded ??= load();
  return loaded;
}

/** Whether the addon is there. */
export function cpuAvailable(): Availability {
  const state = tryLoad();
  return state.ok ? { ok: true } : state;
}

/** The addon. Throws ConfigError with cause and cure when there is none. */
export function requireAddon(): Addon {
  const state = tryLoad();
  if (!state.ok) throw new ConfigError(`device: "cpu" is not available: ${state.cause} ${state.cure}`);
  return state.addon;
}
