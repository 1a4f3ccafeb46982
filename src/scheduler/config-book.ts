// What the broker holds of configuration, in memory and up to date: one shelf per kind of entry.
import type { Broker } from "../shared/io/broker.ts";
import type { Revised } from "../shared/io/config-store.ts";
import { createFeed, type Feed } from "../shared/io/feed.ts";
import { silentLog, type Log } from "../shared/io/log.ts";
import { textOf, type Stored } from "../shared/io/wire.ts";
import { afterTokens } from "../shared/subjects.ts";

export type Shelf<T> = {
  get(name: string): Revised<T> | undefined;
  /** All entries, by name. */
  entries(): Revised<T>[];
  /** Calls back after each change, with the entry or, when it was removed, only its name; until disposed. */
  watch(listener: (name: string, entry: Revised<T> | undefined) => void): Disposable;
};

export type ConfigBook = {
  readonly feed: Feed;
  /** The shelf of a kind; each kind is asked for once, before the feed runs. `decode` returns undefined for what it cannot read. */
  shelf<T>(kind: string, decode: (text: string) => T | undefined): Shelf<T>;
};

type Slot = (name: string, message: Stored) => boolean;

export function createConfigBook(deps: { broker: Broker; log?: Log }): ConfigBook {
  const { broker, log = silentLog } = deps;
  const { stream, all, changed } = broker.subjects.config;
  const slots = new Map<string, Slot>();

  function take(message: Stored): void {
    const path = afterTokens(message.subject, 2);
    const dot = path.indexOf(".");
    const understood = slots.get(path.slice(0, dot))?.(path.slice(dot + 1), message) ?? true;
    if (!understood)
      log.warn(
        { event: "unreadable", subject: message.subject, seq: message.seq },
        "an entry of the configuration could not be read and is ignored",
      );
  }

  return {
    feed: createFeed({
      broker,
      stream,
      source: all,
      listen: changed,
      scope: "stream",
      onMessage: take,
      log,
    }),
    shelf<T>(kind: string, decode: (text: string) => T | undefined): Shelf<T> {
      const entries = new Map<string, Revised<T>>();
      const listeners = new Set<(name: string, entry: Revised<T> | undefined) => void>();
      slots.set(kind, (name, message) => {
        const value = message.removed ? undefined : decode(textOf(message));
        if (value === undefined && !message.removed) return false;
        const entry = value === undefined ? undefined : { name, value, revision: message.seq };
        if (entry === undefined) entries.delete(name);
        else entries.set(name, entry);
        for (const listener of listeners) listener(name, entry);
        return true;
      });
      return {
        get: (name) => entries.get(name),
        entries: () => [...entries.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
        watch(listener) {
          listeners.add(listener);
          return { [Symbol.dispose]: () => void listeners.delete(listener) };
        },
      };
    },
  };
}
