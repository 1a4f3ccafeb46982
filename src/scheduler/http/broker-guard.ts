// Turns requests away at once while the broker is known to be away, instead of letting them wait for it in memory.
import { MillraceError } from "../../shared/errors.ts";
import type { HttpDeps } from "./deps.ts";

type Guarded = Pick<HttpDeps, "store" | "control">;

/** The same store and control, which throw `broker_unavailable` when the connection is down. */
export function guardBroker({
  broker,
  store,
  control,
}: Guarded & Pick<HttpDeps, "broker">): Guarded {
  const whileUp =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (broker.isUp()) return call(...args);
      throw new MillraceError("broker_unavailable", "The broker is away; nothing was done.", {
        retryAfterS: 2,
      });
    };
  return {
    store: {
      create: whileUp(store.create),
      read: whileUp(store.read),
      unreadableAt: whileUp(store.unreadableAt),
      readNearby: whileUp(store.readNearby),
      write: whileUp(store.write),
      update: whileUp(store.update),
      remove: whileUp(store.remove),
      requestCancel: whileUp(store.requestCancel),
      cancelIntent: whileUp(store.cancelIntent),
      clearCancel: whileUp(store.clearCancel),
    },
    control: whileUp(control),
  };
}
