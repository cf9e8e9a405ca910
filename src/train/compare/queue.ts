/** Gives orders to lanes: each takes the next when it has done one. Where a trial runs changes nothing but the time. */
import type { Lane, Leg, Order } from "./lane.ts";

export interface Queue {
  readonly lanes: readonly Lane[];
  /** The lane that has a trial in memory. */
  readonly owners: Map<number, Lane>;
  readonly signal?: AbortSignal | undefined;
}

/** Resolves when all are done, or those under way after an interrupt. `seconds` is what the lane took. Throws what `done` throws. */
export async function runOrders(
  { lanes, owners, signal }: Queue,
  orders: readonly Order[],
  done: (order: Order, leg: Leg, seconds: number) => void,
): Promise<void> {
  const waiting = [...orders];
  /** Its own first, then new ones; others' last, as those have to be trained again from their beginning. */
  const take = (lane: Lane): Order | undefined => {
    const rank = ({ trial }: Order) => (owners.get(trial) === lane ? 0 : owners.has(trial) ? 2 : 1);
    const best = Math.min(...waiting.map(rank));
    const at = waiting.findIndex((order) => rank(order) === best);
    return at < 0 ? undefined : waiting.splice(at, 1)[0];
  };
  let broken = false;
  const work = lanes.map(async (lane) => {
    try {
      while (!signal?.aborted && !broken) {
        const order = take(lane);
        if (order === undefined) return;
        owners.set(order.trial, lane);
        const began = performance.now();
        const leg = await lane.run(order, signal);
        done(order, leg, (performance.now() - began) / 1000);
      }
    } catch (error) {
      broken = true;
      throw error;
    }
  });
  // An error waits for the other lanes: none may be at work when they are closed.
  await Promise.allSettled(work);
  await Promise.all(work);
}
