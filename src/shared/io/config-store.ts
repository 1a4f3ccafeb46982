// Configuration of one kind (definitions, schedules, …) in the broker: one entry per name, changed by compare-and-set.
import { MillraceError } from "../errors.ts";
import type { Broker } from "./broker.ts";
import { textOf } from "./wire.ts";

/** An entry and the revision it stands at. */
export type Revised<T> = { name: string; value: T; revision: number };

export type ConfigStore<T> = {
  /** The newest entry as the broker has it; undefined when there is none. */
  read(name: string): Promise<Revised<T> | undefined>;
  /** Stores the entry if the name still stands at `expected` (0: nothing stored yet; absent: whatever is there). Throws `lost_race`. */
  put(name: string, value: T, expected?: number): Promise<number>;
  /** Removes the entry if it still stands at `expected`. Throws `lost_race`. */
  remove(name: string, expected: number): Promise<void>;
};

const REMOVED_TTL_MS = 60_000;

/** `decode` returns undefined for what it cannot read. */
export function createConfigStore<T>(
  broker: Pick<Broker, "last" | "publish" | "subjects">,
  kind: string,
  decode: (text: string) => T | undefined,
): ConfigStore<T> {
  const { stream, key } = broker.subjects.config;

  /** Sequence of a removal marker that stands in the entry's place. */
  async function markerAt(name: string): Promise<number> {
    const last = await broker.last(stream, key(kind, name));
    return last?.removed ? last.seq : 0;
  }

  return {
    async read(name) {
      const stored = await broker.last(stream, key(kind, name));
      if (stored === undefined || stored.removed) return undefined;
      const value = decode(textOf(stored));
      if (value !== undefined) return { name, value, revision: stored.seq };
      throw new MillraceError(
        "internal",
        `The ${kind} ${name} in the broker cannot be read; a later version or somebody else wrote it.`,
      );
    },
    async put(name, value, expected) {
      const expectSubject = expected === 0 ? await markerAt(name) : expected;
      const { seq } = await broker.publish(
        key(kind, name),
        JSON.stringify(value),
        expectSubject === undefined ? {} : { expectSubject },
      );
      return seq;
    },
    async remove(name, expected) {
      await broker.publish(key(kind, name), "", {
        expectSubject: expected,
        headers: { "KV-Operation": "DEL" },
        ttlMs: REMOVED_TTL_MS,
      });
    },
  };
}
