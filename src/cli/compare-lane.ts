/** A lane of nabla compare: a process that loads the experiment and trains one trial after the other, as it is told. */
import { setDefaultDevice } from "../engine/runtime/index.ts";
import { failedLeg, LocalLane } from "../train/index.ts";
import type { LaneReply, LaneRequest, LaneSetup } from "./child-lane.ts";
import { describeError } from "./exit.ts";
import { loadExperiment } from "./load.ts";
import { optimizerByName } from "./optimizers.ts";
import { useDevice } from "./options.ts";
import { raceParts } from "./race-parts.ts";

async function open({ file, device, threads }: LaneSetup): Promise<LocalLane> {
  useDevice({ device, threads });
  const experiment = await loadExperiment(file);
  if (device === undefined && experiment.device !== undefined) setDefaultDevice(experiment.device);
  const parts = await raceParts(experiment);
  return new LocalLane(
    parts,
    ({ optimizer, learningRate }) => optimizerByName(optimizer, learningRate),
    describeError,
  );
}

function serve(setup: LaneSetup): void {
  const opened = open(setup);
  opened.catch(() => undefined); // told with each order
  const interrupt = new AbortController();
  const answer = (reply: LaneReply): void => {
    process.send?.(reply);
  };
  process.on("message", async (request: LaneRequest) => {
    if (request.kind === "stop") return interrupt.abort();
    if (request.kind === "keep")
      return opened.then((lane) => lane.keep(request.trials)).catch(() => undefined);
    try {
      answer(await (await opened).run(request.order, interrupt.signal));
    } catch (error) {
      answer(failedLeg(describeError(error)));
    }
  });
  // A terminal sends Ctrl-C to this process too; what it means is for the race to say.
  process.on("SIGINT", () => undefined).on("SIGTERM", () => undefined);
  // The race is over or gone.
  process.on("disconnect", () => process.exit(0));
}

const [role, setup] = process.argv.slice(2);
if (process.send && role === "lane" && setup !== undefined) serve(JSON.parse(setup) as LaneSetup);
