/** Text out of bytes: UTF-8, UTF-16 by its mark, or an encoding that is named; and the lines of a text file. */
import { ConfigError, DataError, optionNames, rejectUnknown } from "../../util/index.ts";
import { type FileInput, inputName, pieces } from "./bytes.ts";

/** UTF-16 begins with a mark that says which byte of two comes first; without one it is UTF-8. */
function detectEncoding(start: Uint8Array): string {
  if (start[0] === 0xff && start[1] === 0xfe) return "utf-16le";
  return start[0] === 0xfe && start[1] === 0xff ? "utf-16be" : "utf-8";
}

function decoderOf(encoding: string): TextDecoder {
  try {
    return new TextDecoder(encoding, { fatal: true });
  } catch {
    throw new ConfigError(
      `encoding: must be a name such as "utf-8", "utf-16le" or "windows-1252"; got "${encoding}".`,
    );
  }
}

export const countLines = (text: string): number => {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count++;
  return count;
};

/**
 * The text in pieces, without its byte order mark.
 *
 * @throws DataError that names the file and about the line where bytes are none of the encoding's; ConfigError for an unknown encoding.
 */
export async function* textPieces(input: FileInput, encoding?: string): AsyncGenerator<string> {
  let decoder: TextDecoder | null = encoding === undefined ? null : decoderOf(encoding);
  let lines = 1;
  const decode = (piece?: Uint8Array): string => {
    if (decoder === null) return "";
    try {
      return piece ? decoder.decode(piece, { stream: true }) : decoder.decode();
    } catch {
      throw new DataError(
        `${inputName(input)}: must be ${decoder.encoding} text; a byte is not, in line ${lines} or after. Save it as UTF-8, or pass { encoding: "windows-1252" } if that is what it is.`,
      );
    }
  };
  for await (const piece of pieces(input)) {
    decoder ??= decoderOf(detectEncoding(piece));
    const text = decode(piece);
    if (text === "") continue;
    lines += countLines(text);
    yield text;
  }
  const rest = decode();
  if (rest !== "") yield rest;
}

export interface LineOptions {
  /** Default: UTF-16 by its mark, otherwise UTF-8. */
  readonly encoding?: string;
  /** Longest line, in characters; a longer one is an error. Default 16,777,216. */
  readonly maxLine?: number;
}

export const lineOptionNames = optionNames<LineOptions>({ encoding: true, maxLine: true });

/**
 * The lines of a text file one after the other, without their ends (LF or CRLF), in memory that does not grow with the file.
 *
 * @throws DataError naming the file (and line) for one that cannot be read, text that is not of the encoding, a line longer than
 * `maxLine`; ConfigError for unknown options.
 *
 * @example for await (const line of readLines("reviews.txt")) console.log(line);
 */
export async function* readLines(input: FileInput, options: LineOptions = {}): AsyncGenerator<string> {
  rejectUnknown("readLines", options, lineOptionNames);
  const { encoding, maxLine = 1 << 24 } = options;
  let parts: string[] = [];
  let length = 0;
  let number = 1;
  const check = (more: number): void => {
    length += more;
    if (length > maxLine) {
      throw new DataError(
        `${inputName(input)}: line ${number} must have at most ${maxLine} characters; it is longer. Raise maxLine if that is right.`,
      );
    }
  };
  for await (const text of textPieces(input, encoding)) {
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      check(end - start);
      parts.push(text.slice(start, end));
      const line = parts.length === 1 ? (parts[0] as string) : parts.join("");
      yield line.endsWith("\r") ? line.slice(0, -1) : line;
      [parts, length, start] = [[], 0, end + 1];
      number++;
    }
    if (start < text.length) {
      check(text.length - start);
      parts.push(text.slice(start));
    }
  }
  if (parts.length > 0) {
    const line = parts.join("");
    yield line.endsWith("\r") ? line.slice(0, -1) : line;
  }
}
