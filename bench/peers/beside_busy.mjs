/** Runs another contestant while a process of its own keeps one core busy: node beside_busy.mjs COMMAND [ARGUMENT...] JOB. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const [command, ...args] = process.argv.slice(2);
const contestant = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
contestant.on("close", (code) => process.exit(code ?? 1));

let busy;
createInterface({ input: process.stdin })
  .on("line", (line) => {
    if (JSON.parse(line).command === "run") busy = spawn(process.execPath, ["-e", "for (;;);"]);
    contestant.stdin.write(`${line}\n`);
  })
  .on("close", () => contestant.stdin.end());
createInterface({ input: contestant.stdout }).on("line", (line) => {
  busy?.kill();
  busy = undefined;
  process.stdout.write(`${line}\n`);
});
process.on("exit", () => busy?.kill());
