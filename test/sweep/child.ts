/** Sweeps the cpu device in a process of its own, since NABLA_ISA is read once, and prints the report as JSON. */
import { cpuBackend } from "../../src/engine/backend/cpu/index.ts";
import { sweep } from "./sweep.ts";

process.stdout.write(JSON.stringify(await sweep(cpuBackend())));
