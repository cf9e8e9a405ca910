/**
 * Which random bits a tensor holds. Element e is word w of the Philox block with counter (c, 0, 0, 0) under the key (k0, k1), where
 * w = (e >> 4) & 3 and c = (e >> 6) * 16 + (e & 15): 64 consecutive elements are 16 whole blocks, which suits 16 vector lanes.
 */
import { philox } from "../../util/index.ts";

/** The u32 that element `element` of a random tensor holds. */
export function randomWord(key0: number, key1: number, element: number): number {
  const counter = Math.floor(element / 64) * 16 + (element & 15);
  return philox(key0, key1, [counter >>> 0, 0, 0, 0])[(element >>> 4) & 3] as number;
}
