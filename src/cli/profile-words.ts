/** A profile as tables for a terminal. */
import Table from "cli-table3";
import { kernelRows, type Profile, partRows, phaseRows, profileLines } from "../train/index.ts";

export function profileText(profile: Profile): string[] {
  return [...profileLines(profile), ...[phaseRows, partRows, kernelRows].map((rows) => drawn(rows(profile)))];
}

/** Words to the left, numbers to the right. */
function drawn([head = [], ...rows]: readonly (readonly string[])[]): string {
  const numeric = head.map((_, column) =>
    rows.every((row) => /^[\d.,]* ?(%|s|min.*|h.*)?$|^-$/.test(row[column] ?? "")),
  );
  const table = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, column) => (numeric[column] ? "right" : "left")),
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}
