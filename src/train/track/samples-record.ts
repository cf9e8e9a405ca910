/** The samples of a run's folder, as a report shows them: some of the times, with their pictures. */
import type { SamplesRecord } from "./samples.ts";

export interface RecordedSamples {
  /** At most `mostTimes`, evenly picked, the first and the last among them. */
  readonly times: readonly SamplesRecord[];
  /** PNG files in base 64, by name; those that are not there are left out. */
  readonly pictures: ReadonlyMap<string, string>;
}

const mostTimes = 6;

/** `read` gives a file's bytes; null where it is not there. */
export async function recordedSamples(
  lines: readonly SamplesRecord[],
  read: (name: string) => Promise<Uint8Array | null>,
): Promise<RecordedSamples> {
  const count = Math.min(mostTimes, lines.length);
  const places = new Set(
    Array.from({ length: count }, (_, at) => Math.round((at * (lines.length - 1)) / Math.max(1, count - 1))),
  );
  const times = lines.filter((_, at) => places.has(at));
  const named = new Set(
    times.flatMap(({ samples }) => samples.flatMap(({ pictures }) => Object.values(pictures))),
  );
  const pictures = new Map<string, string>();
  for (const name of named) {
    const bytes = await read(name);
    if (bytes !== null) pictures.set(name, Buffer.from(bytes).toString("base64"));
  }
  return { times, pictures };
}
