/** Twenty steps of a network in nabla; the memory of its process before and at most. */
import { setThreads } from "../../dist/index.js";
import { peak, startPeak } from "./memory.mjs";
import { makeTraining, readData } from "./nabla_networks.mjs";
import { job as readJob } from "./serve.mjs";

const job = readJob();
setThreads(job.threads);
const data = readData(job);
const base = startPeak();

const { step, state } = makeTraining(job);
const [, loss] = await step.repeat(20, state, data);
process.stdout.write(`${JSON.stringify({ loss: await loss.item(), base, peak: peak() })}\n`);
