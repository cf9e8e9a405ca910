/** Bytes as text, strictly: what is not text in its encoding is an error and not a replacement character. */
import { ConfigError, DataError } from "../../util/index.ts";

/** By the mark of byte order at the beginning; without one it is UTF-8. */
export function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  return "utf-8";
}

/** A decoder that throws, for text in parts. Throws ConfigError for an encoding that does not exist. */
export function decoderOf(encoding: string): TextDecoder {
  try {
    return new TextDecoder(encoding, { fatal: true });
  } catch {
    throw new ConfigError(
      `encoding: must be one that TextDecoder knows, as utf-8, utf-16le or windows-1252; got "${encoding}".`,
    );
  }
}

/** The text, without its mark of byte order. Throws DataError, naming the line, for bytes that are no text and for NUL characters. */
export function decodeText(bytes: Uint8Array, name: string, encoding = encodingOf(bytes)): string {
  const decoder = decoderOf(encoding);
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) {
      throw new DataError(`${name}: the text is too long to be read at once. Read it by chunks.`);
    }
    throw new DataError(
      `${name}, line ${badLine(bytes, encoding)}: must be ${encoding} text; got bytes that are not. Give its encoding, as { encoding: "windows-1252" }.`,
    );
  }
  checkNul(text, name, 1);
  return text;
}

/** Throws DataError for a NUL character, which no text file has. `line` is the number of the first line. */
export function checkNul(text: string, name: string, line: number): void {
  const at = text.indexOf("\0");
  if (at < 0) return;
  throw new DataError(
    `${name}, line ${line + countLines(text.slice(0, at))}: must be text; got a NUL character. Is it a binary file, or UTF-16 without a mark of byte order?`,
  );
}

export function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}

/** The line of the first byte that does not decode, by halving. */
function badLine(bytes: Uint8Array, encoding: string): number {
  const decodes = (end: number): boolean => {
    try {
      // A character cut in two at the end is no error yet.
      new TextDecoder(encoding, { fatal: true }).decode(bytes.subarray(0, end), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  let [good, bad] = [0, bytes.length];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (decodes(middle)) good = middle;
    else bad = middle;
  }
  return 1 + countLines(new TextDecoder(encoding).decode(bytes.subarray(0, good)));
}
