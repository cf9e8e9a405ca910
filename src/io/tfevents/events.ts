/**
 * The messages of TensorBoard's event files (tensorflow/core/util/event.proto and framework/summary.proto; tensorboard/plugins/hparams),
 * as far as nabla writes them: field numbers are those of these descriptions.
 */
import { histogramOf } from "./histogram.ts";
import { type Field, message } from "./message.ts";

/** What stands in an event besides time and step. */
export type EventContent =
  | { readonly fileVersion: string }
  | { readonly values: readonly SummaryValue[] }
  /** Everything at later steps, in files before, is void. */
  | { readonly restart: true };

export type SummaryValue =
  | { readonly tag: string; readonly scalar: number }
  | { readonly tag: string; readonly histogram: Float32Array }
  | { readonly tag: string; readonly image: PngImage }
  | { readonly tag: string; readonly hparams: Uint8Array };

export interface PngImage {
  readonly width: number;
  readonly height: number;
  /** Channels: 1 grey, 3 RGB, 4 RGBA. */
  readonly channels: number;
  readonly png: Uint8Array;
}

/** `wallTime` in seconds since 1970. */
export function encodeEvent(wallTime: number, step: number, content: EventContent): Uint8Array {
  const at = { 1: { double: wallTime }, 2: { int64: step || undefined } };
  if ("fileVersion" in content) return message({ ...at, 3: { string: content.fileVersion } });
  if ("restart" in content) return message({ ...at, 7: { message: message({ 1: { int32: 1 } }) } }); // START
  return message({ ...at, 5: { message: message({ 1: { messages: content.values.map(encodeValue) } }) } });
}

function encodeValue(value: SummaryValue): Uint8Array {
  const tag: Record<number, Field> = { 1: { string: value.tag } };
  if ("scalar" in value) return message({ ...tag, 2: { float: value.scalar } });
  if ("image" in value) {
    const { width, height, channels, png } = value.image;
    const image = { 1: { int32: height }, 2: { int32: width }, 3: { int32: channels }, 4: { bytes: png } };
    return message({ ...tag, 4: { message: message(image) } });
  }
  if ("histogram" in value) return message({ ...tag, 5: { message: encodeHistogram(value.histogram) } });
  const plugin = message({ 1: { string: "hparams" }, 2: { bytes: value.hparams } });
  // The plugin reads its metadata alone; a value must have a tensor: f32 (DT_FLOAT) of shape [0].
  const none = message({ 1: { int32: 1 }, 2: { message: message({ 2: { messages: [message({})] } }) } });
  return message({ ...tag, 8: { message: none }, 9: { message: message({ 1: { message: plugin } }) } });
}

function encodeHistogram(values: Float32Array): Uint8Array {
  const { min, max, count, sum, sumOfSquares, limits, counts } = histogramOf(values);
  return message({
    1: { double: min },
    2: { double: max },
    3: { double: count },
    4: { double: sum },
    5: { double: sumOfSquares },
    6: { doubles: limits },
    7: { doubles: counts },
  });
}

/** A setting of a run: what it was trained with. */
export type HyperParameter = number | string | boolean;

/** Which settings and metrics there are; `metrics` are tags of scalars. */
export function hparamsExperiment(
  hparams: Readonly<Record<string, HyperParameter>>,
  metrics: readonly string[],
  seconds: number,
): Uint8Array {
  const types = { string: 1, boolean: 2, number: 3 } as const;
  const infos = Object.entries(hparams).map(([name, value]) =>
    message({ 1: { string: name }, 4: { int32: types[typeof value as keyof typeof types] } }),
  );
  const measures = metrics.map((tag) => message({ 1: { message: message({ 2: { string: tag } }) } }));
  const experiment = { 3: { double: seconds }, 4: { messages: infos }, 5: { messages: measures } };
  return message({ 2: { message: message(experiment) } });
}

export function hparamsStart(hparams: Readonly<Record<string, HyperParameter>>, seconds: number): Uint8Array {
  const entries = Object.entries(hparams).map(([name, value]) =>
    message({ 1: { string: name }, 2: { message: settingOf(value) } }),
  );
  const start = { 1: { messages: entries }, 5: { double: seconds } };
  return message({ 3: { message: message(start) } });
}

/** How it ended: STATUS_SUCCESS or STATUS_FAILURE. */
export function hparamsEnd(success: boolean, seconds: number): Uint8Array {
  const end = message({ 1: { int32: success ? 1 : 2 }, 2: { double: seconds } });
  return message({ 4: { message: end } });
}

/** google.protobuf.Value. */
function settingOf(value: HyperParameter): Uint8Array {
  if (typeof value === "number") return message({ 2: { double: value } });
  return typeof value === "string" ? message({ 3: { string: value } }) : message({ 4: { bool: value } });
}
