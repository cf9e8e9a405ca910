/** Text files, line by line. */
import { readParts } from "../../files/index.ts";
import { DataError } from "../../util/index.ts";
import { checkNul, decoderOf, encodingOf } from "./decode.ts";

/**
 * The lines of a text file without their endings (LF, CRLF or CR), holding no more than a part of it. The encoding is that of the mark of
 * byte order, else UTF-8.
 * @throws FileError where the file cannot be read; DataError where it is no text
 * @example for await (const line of lines("poems.txt")) console.log(line.length);
 */
export async function* lines(path: string, encoding?: string): AsyncGenerator<string> {
  let decoder: InstanceType<typeof TextDecoder> | null = null;
  let rest = "";
  let line = 1;
  try {
    for await (const bytes of readParts(path)) {
      decoder ??= decoderOf(encoding ?? encodingOf(bytes));
      const text = rest + decoder.decode(bytes, { stream: true });
      // A carriage return at the end may be the first half of an ending.
      const parts = (text.endsWith("\r") ? text.slice(0, -1) : text).split(/\r\n|\n|\r/);
      rest = (parts.pop() ?? "") + (text.endsWith("\r") ? "\r" : "");
      for (const part of parts) {
        checkNul(part, path, line++);
        yield part;
      }
    }
    rest += decoder?.decode() ?? "";
    if (rest === "") return;
    checkNul(rest, path, line);
    yield rest.endsWith("\r") ? rest.slice(0, -1) : rest;
  } catch (error) {
    if (error instanceof TypeError) {
      throw new DataError(
        `${path}, after line ${line}: must be ${decoder?.encoding} text; got bytes that are not. Give its encoding.`,
      );
    }
    throw error;
  }
}
