// Presence: the first heartbeat registers the worker, a removal at the end takes it off the list.
import type { Broker } from "../shared/io/broker.ts";
import type { Service } from "../shared/io/lifecycle.ts";
import type { Log } from "../shared/io/log.ts";
import { PRESENCE, type Heartbeat } from "../shared/messages.ts";
import { createAlarm } from "./alarm.ts";
import type { Standing } from "./standing.ts";

export type HeartbeatService = Service & {
  /** True while heartbeats are stored. */
  readonly registered: boolean;
  /** Something changed that the leader should know at once. */
  beatNow(): void;
  /** Something changed that can wait a second. */
  beatSoon(): void;
};

const RETRY_MS = 1_000;
const SOON_MS = 1_000;
const LEAVE_MS = 2_000;
/** A removed worker's key cleans itself up. */
const REMOVED_TTL_MS = 60_000;

export function createHeartbeat(deps: {
  broker: Broker;
  workerId: string;
  standing: Standing;
  /** What to say, read at the moment of each beat. */
  look(): Heartbeat;
  /** Time to the next beat while all is well. */
  everyMs(): number;
  onFailure(): void;
  log: Log;
}): HeartbeatService {
  const { broker, workerId, standing, look, everyMs, onFailure, log } = deps;
  const { clock, subjects } = broker;
  const key = subjects.workers.key(workerId);
  const alarm = createAlarm(clock);
  let lastBeatAt = -Infinity;
  let registered = false;

  async function beat(): Promise<void> {
    lastBeatAt = clock.mono();
    const sentAt = lastBeatAt;
    try {
      const settings = { ttlMs: PRESENCE.ttlMs, timeoutMs: PRESENCE.beatMs };
      await broker.publish(key, JSON.stringify(look()), settings);
      standing.confirm(sentAt);
      if (!registered) log.info({ event: "registered" }, "worker registered");
      registered = true;
    } catch (error) {
      registered = false;
      onFailure();
      log.warn({ event: "heartbeat_failed", error }, "a heartbeat was not confirmed");
    }
  }

  async function deregister(): Promise<void> {
    registered = false;
    try {
      await broker.publish(key, "", {
        headers: { "KV-Operation": "DEL" },
        ttlMs: REMOVED_TTL_MS,
        timeoutMs: LEAVE_MS,
      });
    } catch (error) {
      log.warn({ event: "deregister_failed", error }, "the worker's entry will expire by itself");
    }
  }

  return {
    name: "heartbeat",
    get registered() {
      return registered && broker.isUp();
    },
    beatNow: alarm.ring,
    beatSoon: () => alarm.ringAt(lastBeatAt + SOON_MS),
    async run(signal) {
      using _back = broker.onUp(alarm.ring);
      while (!signal.aborted) {
        await beat();
        await alarm.wait(registered ? everyMs() : RETRY_MS, signal);
      }
      await deregister();
    },
  };
}
