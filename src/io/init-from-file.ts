/** initFromFile: a model's values from a safetensors file or a checkpoint, as far as they fit. */
import { type InitFromOptions, type InitReport, initFrom, type Module } from "../nn/index.ts";
import { hasCheckpoint, loadCheckpoint } from "./checkpoint.ts";
import { loadSafetensors, type TensorsByPath } from "./tensors.ts";

/**
 * `initFrom` with the tensors of a safetensors file, or with the parameters and buffers of the checkpoint in a folder.
 *
 * Throws FileError when it cannot be read, DataError when it is damaged, ConfigError when nothing matches.
 *
 * @example console.log(String(await initFromFile(model, "runs/mnist/checkpoint")));
 */
export async function initFromFile(
  model: Module<never, unknown>,
  path: string,
  options: InitFromOptions & { readonly device?: string } = {},
): Promise<InitReport> {
  const { device, ...rest } = options;
  const where = device === undefined ? {} : { device };
  const tensors = (await hasCheckpoint(path))
    ? modelTensors((await loadCheckpoint(path, where)).tensors)
    : await loadSafetensors(path, where);
  return initFrom(model, tensors, rest);
}

/** Of a training state what belongs to the model, by its paths there. */
export function modelTensors(tensors: TensorsByPath): TensorsByPath {
  return Object.fromEntries(
    Object.entries(tensors).flatMap(([path, tensor]) => {
      const own = /^(?:params|buffers)\/(.+)$/.exec(path)?.[1];
      return own === undefined ? [] : [[own, tensor]];
    }),
  );
}
