/** A job's arrays, each in memory of its own. */
import { readFileSync } from "node:fs";

export const bytes = ({ path, header }) => Uint8Array.from(readFileSync(path).subarray(header));

export const floats = (file) => new Float32Array(bytes(file).buffer);

/** Bytes as numbers from 0 to 1. */
export function pixels(file) {
  const raw = bytes(file);
  const scaled = new Float32Array(raw.length);
  for (let i = 0; i < raw.length; i++) scaled[i] = raw[i] / 255;
  return scaled;
}
