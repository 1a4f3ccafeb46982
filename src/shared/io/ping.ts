// Makes the client ask whether the broker is there only where nothing was heard from it: a thousand workers that say something anyway need no pings.
import type { NatsConnection } from "nats";

/** Longer than the time between two heartbeats, so that their answers will do. */
const SILENCE_MS = 3_500;
/** Between the questions then; the second that stays without an answer for as long ends the connection. */
const AGAIN_MS = 2_750;

/** For the client's own settings. */
export const PING_SETTINGS = { pingInterval: SILENCE_MS, maxPingOut: 2 } as const;

type Pong = Promise<void> & { resolve(): void };
type Asker = {
  flush(pong: Pong): Promise<void>;
  disconnect(): void;
  dispatchStatus(status: unknown): void;
};
type Pinging = { protocol: Asker & { heartbeats: { ph: Asker; interval: number } } };

/** Returns what is to be told of each answer of the broker; `mono` in milliseconds. */
export function pingInSilence(nc: NatsConnection, mono: () => number): () => void {
  const { protocol } = nc as unknown as Pinging;
  const { heartbeats } = protocol;
  let heardAt = mono();
  const heard = () => {
    heardAt = mono();
  };

  heartbeats.ph = {
    flush(pong) {
      const silentMs = mono() - heardAt;
      if (silentMs < SILENCE_MS) {
        heartbeats.interval = SILENCE_MS - silentMs;
        pong.resolve();
        return pong;
      }
      heartbeats.interval = AGAIN_MS;
      return protocol.flush(pong).then(heard);
    },
    disconnect: () => protocol.disconnect(),
    dispatchStatus: (status) => protocol.dispatchStatus(status),
  };
  return heard;
}
