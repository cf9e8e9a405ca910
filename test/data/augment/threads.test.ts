/** A whole pipeline has the same bits for any number of threads. */
import { random, type Tensor } from "nabla";
import {
  augment,
  colorJitter,
  erase,
  gaussianBlur,
  horizontalFlip,
  mixup,
  randAugment,
  randomCrop,
  randomResizedCrop,
  rotate,
} from "nabla/data";
import { expect, it } from "vitest";
import { cpuAvailable, cpuBackend } from "../../../src/engine/backend/cpu/index.ts";
import { compile } from "../../../src/engine/compile/index.ts";
import { traceGraph } from "../../../src/engine/tensor/trace.ts";

const pipeline = augment([
  ...[horizontalFlip(), rotate(20), randomCrop({ padding: 2 }), randomResizedCrop(), randAugment()],
  ...[colorJitter({ brightness: 0.4, contrast: 0.4, hue: 0.1 }), gaussianBlur(), erase(), mixup()],
]);

it.runIf(cpuAvailable().ok)("for 1, 2 and 3 threads", async () => {
  const shape = [32, 16, 16, 3];
  const images = (await random.uniform(random.key(9), shape).data()) as Float32Array;
  const key = (await random.key(5).data()) as Uint32Array;
  const results: Uint8Array[] = [];
  for (const threads of [1, 2, 3]) {
    const { body, captures } = traceGraph(
      [
        { dtype: "f32", shape },
        { dtype: "u32", shape: [2] },
      ],
      ([x, k]) => [pipeline.apply({ images: x as Tensor }, { key: k as Tensor }).images],
      false,
    );
    expect(captures).toEqual([]);
    const backend = cpuBackend({ threads });
    const exe = backend.compile(
      compile({ inputs: [...body.params], outputs: [...body.outs], donated: [false, false] }, backend.caps),
    );
    const inputs = [images, key].map(({ buffer, byteOffset, byteLength }) => {
      const there = backend.alloc(byteLength);
      backend.write(there, new Uint8Array(buffer, byteOffset, byteLength));
      return there;
    });
    const out = backend.alloc(images.byteLength);
    backend.run(exe, inputs, [out], []);
    results.push(await backend.read(out, 0, images.byteLength));
  }
  expect(results[0]).not.toEqual(new Uint8Array(images.buffer, images.byteOffset, images.byteLength));
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});
