/** The program of a worker thread: decodes rows of a Parquet file by hyparquet. */
import { parentPort, workerData } from "node:worker_threads";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";

export interface ParquetRequest {
  readonly rowStart: number;
  readonly rowEnd: number;
  readonly only: string[] | undefined;
}

export type ParquetColumns = readonly { readonly field: string; readonly values: readonly unknown[] }[];
export type ParquetReply = { readonly columns: ParquetColumns } | { readonly problem: string };

const bytes = workerData as Uint8Array;

async function decode({ rowStart, rowEnd, only }: ParquetRequest): Promise<ParquetReply> {
  try {
    const rows = await parquetReadObjects({
      file: {
        byteLength: bytes.length,
        slice: (start, end) => bytes.slice(start, end).buffer as ArrayBuffer,
      },
      compressors,
      rowStart,
      rowEnd,
      ...(only && { columns: only }),
    });
    const fields = Object.keys(rows[0] ?? {});
    return { columns: fields.map((field) => ({ field, values: rows.map((row) => row[field] as unknown) })) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on("message", async (request: ParquetRequest) => {
  const reply = await decode(request);
  try {
    parentPort?.postMessage(reply);
  } catch (error) {
    parentPort?.postMessage({ problem: (error as Error).message }); // what is no plain value cannot be sent
  }
});
