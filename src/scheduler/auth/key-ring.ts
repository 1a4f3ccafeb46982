// Tells whom an API key stands for, from the configuration that this replica has in memory.
import { MillraceError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { Shelf } from "../config-book.ts";
import { callerOfKey, opens, partsOfKey, type ApiKey } from "./api-key.ts";
import type { Caller } from "./caller.ts";

/** The holder of the key. Throws `invalid_token`, `token_expired`, `broker_unavailable`. */
export type KeyRing = (key: string) => Promise<Caller>;

export function createKeyRing(deps: {
  shelf: Pick<Shelf<ApiKey>, "get">;
  /** Resolves when the shelf has all keys that there were at the start. */
  complete(): Promise<void>;
  clock: Pick<Clock, "now">;
}): KeyRing {
  const { shelf, complete, clock } = deps;
  /** Worked out once for each stored key. */
  const callers = new WeakMap<ApiKey, Caller>();
  return async (text) => {
    const parts = partsOfKey(text);
    if (parts === undefined) throw unknownKey();
    await complete();
    const key = shelf.get(parts.id)?.value;
    if (key === undefined || !opens(parts.secret, key)) throw unknownKey();
    if (key.expiresAt !== undefined && key.expiresAt <= clock.now())
      throw new MillraceError("token_expired", "The API key has expired; ask for a new one.");
    const caller = callers.get(key) ?? callerOfKey(key);
    callers.set(key, caller);
    return caller;
  };
}

const unknownKey = () =>
  new MillraceError("invalid_token", "The API key is not known here; it may have been revoked.");
