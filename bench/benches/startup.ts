/** From the start of a process to the end of the first training step: import, build the model, one step, read the loss. */
import { jaxJs, nabla, tfjs, torch } from "../contestants.ts";
import { firstAnswer } from "../fresh.ts";
import type { Bench, Suite } from "../job.ts";
import type { PeerSpec } from "../peer.ts";
import type { Report } from "../report.ts";
import { bestOfEach } from "../report.ts";
import { formatRate } from "../stats.ts";
import { markdownTable } from "../summary.ts";

const [python, node] = ["Python alone", "Node alone"];
const runtimeOf = (peer: string): string => (peer.startsWith("PyTorch") ? python : node);

/** nabla as users have it: no loader of TypeScript, and the package's own name leads to dist/. */
const plain = (spec: PeerSpec): PeerSpec => ({
  ...spec,
  args: spec.args.slice(2).map((arg) => arg.replace(/\.ts$/, ".mjs")),
  env: {},
});
const empty = (spec: PeerSpec | undefined, name: string, option: string, program: string): PeerSpec[] =>
  spec === undefined ? [] : [{ ...spec, name, args: [option, program] }];

function contestants(): PeerSpec[] {
  const peers = torch("first_step").filter(({ variant }) => variant === undefined);
  const own = nabla("first_step").map(plain);
  return [
    ...own,
    ...peers,
    ...tfjs("first_step", "wasm"),
    ...jaxJs("first_step"),
    ...empty(own[0], node, "-e", "console.log('{}')"),
    ...empty(peers[0], python, "-c", "print('{}')"),
  ];
}

/** What remains when the empty runtime is taken away. */
function section({ results }: Report): string {
  const best = bestOfEach(results, true);
  const median = (name: string): number =>
    best.find(({ peer }) => peer === name)?.measured.median ?? Number.NaN;
  const net = (peer: string): number => median(peer) - median(runtimeOf(peer));
  const rows = best
    .filter(({ peer }) => peer !== node && peer !== python)
    .map(({ peer }) => [peer, formatRate(net(peer)), `${formatRate(net(peer) / net("nabla"))}x`]);
  return ["Without the empty runtime:", markdownTable(["", "ms", "nabla is"], rows)].join("\n\n");
}

const startup: Bench = {
  name: "startup",
  title: "Process start to the end of the first training step, 784-128-128-10 network, batch 32, Adam",
  unit: "ms",
  lowerIsBetter: true,
  perUnit: 1,
  job: { sizes: [784, 128, 128, 10], batch: 32 },
  contestants,
  measure: async (spec, job) => (await firstAnswer(spec, job)).seconds * 1000,
  section,
};

export const suite: Suite = { name: "startup", benches: () => [startup] };
