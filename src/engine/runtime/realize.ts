/** Implicit realisation: gathers what is unrealised behind some nodes, runs it as one plan and drops the graph. */
import { callerPlace, DonatedError, InternalError, UnsupportedError } from "../../util/index.ts";
import { bytesOf, formatAval, type Node, topologicalOrder } from "../ir/index.ts";
import { compiled } from "./compiled.ts";
import { type Device, defaultDevice, getDevice } from "./device.ts";
import { relieve, type Storage, storageFromBytes, storageOf } from "./storage.ts";

/** The device of what a graph reads, or null when it reads no tensor. Throws UnsupportedError for two devices. */
function commonDevice(leaves: readonly Node[]): Device | null {
  let device: Device | null = null;
  for (const leaf of leaves) {
    const mine = storageOf(leaf)?.device;
    if (mine === undefined) continue;
    if (device !== null && device !== mine) {
      throw new UnsupportedError(
        `realize: all tensors of an expression must be on one device; got ${device.name} and ${mine.name}. Move one with .to("${device.name}").`,
      );
    }
    device = mine;
  }
  return device;
}

/** The device a node's value is, or will be, on: that of the first tensor or copy behind it, else the default. */
export function deviceOf(node: Node): Device {
  const seen = new Set<Node>([node]);
  const stack = [node];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const own = storageOf(next);
    if (own !== null) return own.device;
    if (next.op === "copy") return getDevice(next.attrs.device);
    for (const source of next.src) {
      if (!seen.has(source)) stack.push(source);
      seen.add(source);
    }
  }
  return defaultDevice();
}

/** Throws for a parameter of a trace: it has no value until the compiled function runs. */
function checkReadable(leaf: Node): void {
  if (leaf.op === "input" && leaf.value === null) {
    throw new DonatedError(
      `${formatAval(leaf.aval)}: a tensor inside jit, scan or another traced function has no value to read${callerPlace()}. Return it and read the result.`,
    );
  }
}

function settle(node: Node, storage: Storage): void {
  node.value = storage;
  node.src = [];
}

/**
 * Gives every node a value, in one plan. Nodes already realised are left alone.
 * Throws DonatedError for traced tensors, UnsupportedError for mixed devices or a copy between devices (use realizeAsync).
 */
export function realize(nodes: readonly Node[]): void {
  const targets = [...new Set(nodes)].filter((node) => node.value === null);
  if (targets.length === 0) return;
  const order = topologicalOrder(targets);
  const leaves = order.filter((node) => node.value !== null || node.op === "input");
  for (const leaf of leaves) checkReadable(leaf);
  const device = commonDevice(leaves) ?? defaultDevice();
  for (const node of order) {
    if (node.op === "copy" && node.value === null && node.attrs.device !== device.name) {
      throw new UnsupportedError(
        `copy: moving to ${node.attrs.device} needs an asynchronous read. Use await t.to("${node.attrs.device}") first.`,
      );
    }
  }
  const program = {
    inputs: leaves,
    scalars: [],
    outputs: targets,
    donated: leaves.map(() => false),
    pairs: [],
  };
  const inputs = leaves.map((leaf) => storageOf(leaf) as Storage);
  const outputs = compiled(device, program).run(inputs, [], "realize");
  targets.forEach((target, index) => {
    settle(target, outputs[index] as Storage);
  });
}

/** The same, carrying out copies between devices on the way. */
export async function realizeAsync(nodes: readonly Node[]): Promise<void> {
  const copies = topologicalOrder(nodes.filter((node) => node.value === null)).filter(
    (node) => node.op === "copy" && node.value === null,
  );
  for (const copy of copies) {
    if (copy.op !== "copy" || copy.value !== null) continue;
    const source = copy.src[0];
    if (source === undefined) throw new InternalError("copy: has no source");
    const bytes = await readNode(source);
    settle(copy, storageFromBytes(bytes, copy.aval, getDevice(copy.attrs.device)));
  }
  realize(nodes);
}

/** The bytes of a node's value, realising it first; in `into` where it is given. */
export async function readNode(node: Node, into?: Uint8Array): Promise<Uint8Array> {
  await realizeAsync([node]);
  const storage = storageOf(node);
  if (storage === null) throw new InternalError("read: the node has no storage after realize");
  await relieve(storage.device);
  const { memory } = storage;
  memory.pin();
  try {
    return await storage.device.backend.read(memory.buffer, 0, bytesOf(node.aval), into);
  } finally {
    memory.unpin();
  }
}
