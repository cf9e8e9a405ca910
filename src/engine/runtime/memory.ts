/** Storage accounting. */
import { plansOf } from "./compiled.ts";
import { openDevices } from "./device.ts";

export interface MemoryUse {
  /** Bytes of live tensors, the most there ever were, and bytes of the loaded plans' scratch. */
  readonly live: number;
  readonly peak: number;
  readonly arenas: number;
  readonly tensors: number;
  readonly plans: number;
}

/**
 * What each opened device holds.
 * @example memory().cpu?.live // bytes
 */
export function memory(): { [device: string]: MemoryUse } {
  return Object.fromEntries(
    openDevices().map((device) => {
      const { name, backend, live } = device;
      const stats = backend.stats();
      return [
        name,
        {
          live: stats.live,
          peak: stats.peak,
          arenas: stats.arenas,
          tensors: live.size,
          plans: plansOf(device).size,
        },
      ];
    }),
  );
}
