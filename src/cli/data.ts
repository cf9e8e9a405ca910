/** nabla data: what is in a file, before anything is trained on it. */
import { extname } from "node:path";
import { profileTable, readIdx, readNpy, readNpz, readTable, tableEndings } from "../data/index.ts";
import { openFile } from "../files/index.ts";
import { type ArrayProfile, arrayText, profileArray, profileText } from "./data-words.ts";
import { exitCodes, UsageError } from "./exit.ts";
import { shortPath } from "./load.ts";
import { type CommonOptions, print, printJson } from "./options.ts";

export interface DataCommandOptions extends CommonOptions {
  readonly target?: string;
}

const arrayEndings = [".npy", ".npz", ".idx", ".ubyte", ".gz"];

/** Runs the command and gives its exit code. */
export async function dataCommand(path: string, options: DataCommandOptions): Promise<number> {
  const ending = extname(path).toLowerCase();
  if (tableEndings.some((known) => known === ending)) return tableFile(path, options);
  if (!arrayEndings.includes(ending) && !(await beginsAsIdx(path))) {
    throw new UsageError(
      `${path}: nabla data reads files that end in ${[...tableEndings, ...arrayEndings].join(", ")}.`,
    );
  }
  if (options.target !== undefined) throw new UsageError("--target: only a table has columns.");
  const arrays = await arrayProfiles(path, ending);
  print(options, arrays.map(arrayText).join("\n"));
  printJson(options, { path, arrays });
  return exitCodes.done;
}

async function tableFile(path: string, options: DataCommandOptions): Promise<number> {
  const { table, skipped, problems } = await readTable(path);
  const profile = profileTable(table, options.target === undefined ? {} : { target: options.target });
  print(options, profileText(shortPath(path), profile));
  printJson(options, { path, skipped, problems, ...profile });
  return exitCodes.done;
}

async function arrayProfiles(path: string, ending: string): Promise<ArrayProfile[]> {
  const name = shortPath(path);
  if (ending === ".npz") {
    const arrays = Object.entries(await readNpz(path));
    return arrays.map(([key, array]) => profileArray(`${name}, ${key}`, array, array.dtype));
  }
  if (ending === ".npy") {
    const array = await readNpy(path);
    return [profileArray(name, array, array.dtype)];
  }
  const idx = await readIdx(path);
  return [profileArray(name, idx, idx.data.constructor.name.replace("Array", "").toLowerCase())];
}

/** MNIST's files have names like train-labels-idx1-ubyte. */
async function beginsAsIdx(path: string): Promise<boolean> {
  if (/idx\d/.test(path)) return true;
  try {
    const file = await openFile(path);
    const start = new Uint8Array(4);
    await file.read(start, 0).finally(() => file.close());
    return start[0] === 0 && start[1] === 0 && (start[2] as number) >= 8 && (start[2] as number) <= 14;
  } catch {
    return true; // its reader says why it cannot be read
  }
}
