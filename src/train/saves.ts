/** The saves of a trainer: one after the other, those that training did not wait for told of once they are on the disk. */
import { CheckpointWriter, type Keep, type Manifest, type Saving } from "../io/index.ts";
import type { Events, Position } from "./events.ts";

/** What a checkpoint holds. */
export interface Content {
  readonly tree: object;
  readonly data: Manifest["data"];
}

export class Saves {
  readonly #writer = new CheckpointWriter();
  #landed: Events["checkpoint"][] = [];

  /** Makes the first save of such a state as quick as the others. */
  ready(tree: object): void {
    this.#writer.ready(tree);
  }

  /** Resolves when the content has been copied. Of one with a `position`, `landed` tells. */
  async begin(
    dir: string,
    { tree, data }: Content,
    keep: Keep | null,
    position: Position | null = null,
  ): Promise<Saving> {
    const { written } = await this.#writer.save(dir, tree, data, keep);
    const landed = written.then(() => {
      if (position !== null) this.#landed.push({ dir, position });
    });
    landed.catch(() => undefined); // whoever asked looks at it later
    return { written: landed };
  }

  /** Those that are on the disk and that nobody has been told of. */
  landed(): readonly Events["checkpoint"][] {
    const landed = this.#landed;
    this.#landed = [];
    return landed;
  }

  /** Waits for the one under way and frees what saves need. */
  async close(): Promise<void> {
    await this.#writer.close();
    this.#landed = [];
  }
}
