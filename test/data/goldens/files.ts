/** The files that NumPy and pyarrow wrote. */
import { readFileSync } from "node:fs";

interface Goldens {
  readonly npy: readonly {
    readonly name: string;
    readonly file: string;
    readonly shape: readonly number[];
    readonly values: readonly (number | string)[];
  }[];
  readonly npz: {
    readonly x: readonly number[];
    readonly y: readonly number[];
    readonly stored: string;
    readonly deflated: string;
  };
  readonly parquet: Readonly<Record<string, string>>;
  readonly nested: string;
}

export const goldens = JSON.parse(readFileSync(new URL("files.json", import.meta.url), "utf8")) as Goldens;
export const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, "base64"));
