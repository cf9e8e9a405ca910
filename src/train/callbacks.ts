/** The callbacks of a trainer: who hears what and in which order, whose error it was, and what of them a checkpoint holds. */
import { ConfigError, NablaError } from "../util/index.ts";
import type { Callback, Events, Handlers, Json, Run } from "./events.ts";

/** A callback threw: it and the event are named. `cause` is what it threw. */
export class CallbackError extends NablaError {
  override name = "CallbackError";
  readonly callback: string;
  readonly event: string;

  constructor(callback: string, event: string, cause: unknown) {
    const what = cause instanceof Error ? `${cause.name}: ${cause.message}` : `it threw ${String(cause)}`;
    super(`${callback} at ${event}: ${what}`, { cause });
    this.callback = callback;
    this.event = event;
  }
}

/** A callback with what errors and checkpoints call it. */
interface Member {
  readonly callback: Callback;
  readonly name: string;
}

export type CallbackStates = Readonly<Record<string, Json>>;

export class Callbacks {
  readonly #members: readonly Member[];
  /** The member whose error ended an event last. */
  #failed: string | null = null;
  readonly #spent = new Map<string, number>();

  /** @throws ConfigError for a name that no path of a checkpoint can have, and for a state without a name */
  constructor(callbacks: readonly Callback[]) {
    const taken = new Set<string>();
    const members = callbacks.map((callback, index) => ({ callback, name: nameOf(callback, index, taken) }));
    // What saves is last, so that it saves what the others decided at the same event.
    this.#members = [
      ...members.filter(({ callback }) => callback.last !== true),
      ...members.filter(({ callback }) => callback.last === true),
    ];
  }

  /** The callback whose error ended the last event; null where none did. */
  get failed(): string | null {
    return this.#failed;
  }

  /**
   * Tells all of them. Where one throws, the others still hear of the event, so that they agree on what has happened; then the first
   * error is thrown, named. Only `start` ends at the first: nothing has happened yet.
   */
  async emit<K extends keyof Events>(
    event: K,
    value: Events[K],
    runOf: (name: string) => Run,
  ): Promise<void> {
    if (event === "start") this.#failed = null;
    if (event === "start") this.#spent.clear();
    let first: { readonly error: unknown } | null = null;
    for (const { callback, name } of this.#members) {
      const handlers: Handlers = callback;
      if (handlers[event] === undefined) continue;
      const began = performance.now();
      try {
        await handlers[event](value, runOf(name));
      } catch (thrown) {
        const error = named(thrown, callback, name, event);
        if (event !== "error") this.#failed ??= name;
        if (event === "start") throw error;
        first ??= { error };
      } finally {
        this.#spent.set(name, (this.#spent.get(name) ?? 0) + (performance.now() - began) / 1000);
      }
    }
    if (first !== null) throw first.error;
  }

  /** Seconds that each took since the last `start`, by name. */
  spent(): Record<string, number> {
    return Object.fromEntries(this.#spent);
  }

  /** What they want kept, by name. @throws CallbackError */
  states(): CallbackStates {
    const states: Record<string, Json> = {};
    for (const { callback, name } of this.#members) {
      if (callback.state === undefined) continue;
      try {
        // As it will be read, and no longer the callback's own.
        states[name] = JSON.parse(JSON.stringify(callback.state()));
      } catch (thrown) {
        throw named(thrown, callback, name, "state");
      }
    }
    return states;
  }

  /** Gives each what was kept of it; `but` is left as it is. @throws CallbackError, DataError of theirs */
  async restore(
    states: CallbackStates,
    runOf: (name: string) => Run,
    but: string | null = null,
  ): Promise<void> {
    for (const { callback, name } of this.#members) {
      if (name === but || callback.restore === undefined || !Object.hasOwn(states, name)) continue;
      try {
        await callback.restore(states[name] ?? null, runOf(name));
      } catch (thrown) {
        throw named(thrown, callback, name, "restore");
      }
    }
  }
}

/** Errors of nabla's own callbacks say whose they are; those of others are named. */
function named(error: unknown, callback: Callback, name: string, event: string): unknown {
  if (!(error instanceof NablaError)) return new CallbackError(name, event, error);
  if (callback.name === undefined && !error.message.startsWith(name))
    error.message = `${name} at ${event}: ${error.message}`;
  return error;
}

function nameOf(callback: Callback, index: number, taken: Set<string>): string {
  const { name } = callback;
  if (name === undefined) {
    if (callback.state === undefined) return `callback ${index + 1}`;
    throw new ConfigError(
      `Trainer: callback ${index + 1} has a state; it must have a name, under which that is saved.`,
    );
  }
  if (typeof name !== "string" || !/^\w[\w .-]*$/.test(name)) {
    throw new ConfigError(
      `Trainer: a callback's name must be of letters, digits, "-", "_" and "."; got ${JSON.stringify(name)}.`,
    );
  }
  let own = name;
  for (let count = 2; taken.has(own); count++) own = `${name}-${count}`;
  taken.add(own);
  return own;
}
