/** Row functions for the tests of workers: well-behaved ones and all the others. */
import type { RowFunction } from "nabla/data";

/** Random values of each row's own, and its number as label. */
export const noisy = ({ width }: { width: number }): RowFunction => {
  return async (row, at) => {
    // Rows take unequal times, so that workers overtake each other.
    if (row % 5 === 0) await new Promise((done) => setTimeout(done, row % 3));
    return { x: Float32Array.from({ length: width }, () => at.random() + at.epoch), y: row };
  };
};

export const throws = ({ bad }: { bad: number }): RowFunction => {
  return (row) => {
    if (row === bad) throw new Error("the picture is torn");
    return { x: [row, 1], y: row };
  };
};

export const exits = ({ bad }: { bad: number }): RowFunction => {
  return (row) => {
    if (row === bad) process.exit(3);
    return { x: [row, 1], y: row };
  };
};

export const hangs = ({ bad }: { bad: number }): RowFunction => {
  return (row) => (row === bad ? new Promise(() => undefined) : { x: [row, 1], y: row });
};

/** Answers to nothing at all, not even to being asked to stop. */
export const spins = ({ bad }: { bad: number }): RowFunction => {
  return (row) => {
    while (row === bad) Math.sqrt(2);
    return { x: [row, 1], y: row };
  };
};

export const ragged = (): RowFunction => (row) => ({ x: row === 3 ? [1, 2, 3] : [1, 2], y: row });

export const opensNothing = () => 5;
