/** nabla's side of training a network: one compiled step that gathers its batch, many of them in one native call. */
import { setThreads } from "../../dist/index.js";
import { makeTraining, readData } from "./nabla_networks.mjs";
import { job as readJob, serve } from "./serve.mjs";
import { timed } from "./values.mjs";

const job = readJob();
setThreads(job.threads);
const data = readData(job);

async function check(steps) {
  let { step, state } = makeTraining(job);
  const losses = [];
  for (let i = 0; i < steps; i++) {
    const [next, loss] = step(state, data);
    state = next;
    losses.push(await loss.item());
  }
  return losses;
}

let { step, state } = makeTraining(job);

const run = (units) =>
  timed(async () => {
    const [next, loss] = await step.repeat(units, state, data);
    state = next;
    await loss.item();
  });

await serve({ check, run });
