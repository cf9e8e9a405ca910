/** A row function for the loader's workers: an image of an IDX file, moved by up to two pixels, as floats. */
import { readFileSync } from "node:fs";

export default function open({ inputs, labels }) {
  const pixels = readFileSync(inputs.path).subarray(inputs.header);
  const classes = readFileSync(labels.path).subarray(labels.header);
  return (row, at) => {
    const x = new Float32Array(784);
    const [down, right] = [Math.floor(5 * at.random()) - 2, Math.floor(5 * at.random()) - 2];
    for (let i = 0; i < 28; i++) {
      for (let j = 0; j < 28; j++) {
        const [y, z] = [i - down, j - right];
        if (y >= 0 && y < 28 && z >= 0 && z < 28) x[28 * i + j] = pixels[784 * row + 28 * y + z] / 255;
      }
    }
    return { x, y: classes[row] };
  };
}
