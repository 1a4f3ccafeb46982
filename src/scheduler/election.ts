// Decides which scheduler leads: a lease in the broker that removes itself, taken and renewed by compare-and-set.
//
// The epoch is the sequence of the write that took the lease: it rises with every leader. The holder steps down by its own clock
// before the broker would let anybody else in.
import { hasCode } from "../shared/errors.ts";
import type { Broker } from "../shared/io/broker.ts";
import { isGone, MISSES } from "../shared/io/feed.ts";
import { pause, type Service } from "../shared/io/lifecycle.ts";
import { silentLog, type Log } from "../shared/io/log.ts";
import { textOf, type Stored } from "../shared/io/wire.ts";
import { decodeLease, type LeaderLease } from "../shared/messages.ts";
import { createBell } from "./bell.ts";

/** A service that ends with `broker_misconfigured` when the bucket of the lease is gone. */
export type Election = Service & {
  /** Who leads as far as this scheduler knows. */
  leader(): LeaderLease | undefined;
};

export type ElectionOptions = {
  broker: Broker;
  /** This scheduler's id. */
  scheduler: string;
  /** Where it answers, for others to show. */
  url?: () => string | undefined;
  /** Length of the lease; whole seconds. */
  ttlMs: number;
  /**
   * Leads until the signal aborts: the lease is lost or the scheduler stops. `isTrusted` says by the clock whether the lease
   * still holds, also right after this process stood still and no timer has fired yet.
   */
  lead(lease: LeaderLease, signal: AbortSignal, isTrusted: () => boolean): Promise<void>;
  log?: Log;
};

/** Share of the lease after which an unconfirmed holder no longer trusts it. */
const TRUST = 0.8;
const RESIGNED = { "KV-Operation": "DEL" };
const RESIGNED_TTL_MS = 60_000;

type Held = { lease: LeaderLease; revision: number; confirmedAt: number };

export function createElection(options: ElectionOptions): Election {
  const { broker, scheduler, url, ttlMs, lead, log = silentLog } = options;
  const { clock } = broker;
  const { key, stream, changed } = broker.subjects.leader;
  let known: LeaderLease | undefined;

  const current = () => broker.last(stream, key);
  const isOwn = (lease: LeaderLease | undefined, epoch: number): boolean =>
    lease?.scheduler === scheduler && lease.epoch === epoch;

  /** Takes the lease if nobody has it. */
  async function stand(): Promise<Held | undefined> {
    const { lastSeq } = await broker.streamState(stream);
    known = leaseOf(await current());
    if (known !== undefined) return undefined;
    const at = url?.();
    const lease: LeaderLease = {
      v: 1,
      scheduler,
      epoch: lastSeq + 1,
      since: clock.now(),
      ...(at === undefined ? {} : { url: at }),
    };
    const confirmedAt = clock.mono();
    try {
      const { seq } = await broker.publish(key, JSON.stringify(lease), {
        expectStream: lastSeq,
        ttlMs,
        timeoutMs: ttlMs / 3,
      });
      return { lease, revision: seq, confirmedAt };
    } catch (error) {
      // Lost, or unknown: then the stored lease says whose it is.
      if (!hasCode(error, "lost_race", "broker_unavailable")) throw error;
      const stored = await current();
      return stored && isOwn(leaseOf(stored), lease.epoch)
        ? { lease, revision: stored.seq, confirmedAt }
        : undefined;
    }
  }

  /** Renews once; false when the lease is somebody else's. An unknown outcome leaves it as unconfirmed as before. */
  async function renew(held: Held): Promise<boolean> {
    const sentAt = clock.mono();
    try {
      const { seq } = await broker.publish(key, JSON.stringify(held.lease), {
        expectSubject: held.revision,
        ttlMs,
        timeoutMs: ttlMs / 3,
      });
      held.revision = seq;
      held.confirmedAt = sentAt;
      return true;
    } catch (error) {
      if (!hasCode(error, "lost_race")) return true;
      return adopt(held);
    }
  }

  /** Losing may mean that an earlier renewal, whose answer was lost, was stored. */
  async function adopt(held: Held): Promise<boolean> {
    try {
      const stored = await current();
      if (stored === undefined || !isOwn(leaseOf(stored), held.lease.epoch)) return false;
      held.revision = stored.seq;
      return true;
    } catch (error) {
      if (hasCode(error, "broker_unavailable")) return true;
      throw error;
    }
  }

  const trustEnds = (held: Held): number => held.confirmedAt + TRUST * ttlMs;
  const isTrusted = (held: Held): boolean => clock.mono() < trustEnds(held);

  /** Renews until the lease is lost or no longer to be trusted. */
  async function keep(held: Held, lost: AbortController, signal: AbortSignal): Promise<void> {
    const over = AbortSignal.any([signal, lost.signal]);
    while (!over.aborted) {
      const due = Math.min(held.confirmedAt + ttlMs / 3, trustEnds(held)) - clock.mono();
      await pause(Math.max(due, ttlMs / 20), over);
      if (over.aborted) return;
      const answered = new AbortController();
      const restMs = Math.max(0, trustEnds(held) - clock.mono());
      const timeUp = pause(restMs, AbortSignal.any([over, answered.signal]));
      const kept = await Promise.race([renew(held), timeUp.then(() => true)]);
      answered.abort();
      if (!kept || !isTrusted(held)) lost.abort();
    }
  }

  async function resign({ revision, lease }: Held): Promise<void> {
    try {
      await broker.publish(key, "", {
        expectSubject: revision,
        headers: RESIGNED,
        ttlMs: RESIGNED_TTL_MS,
        timeoutMs: ttlMs / 3,
      });
      log.info({ event: "resigned", epoch: lease.epoch }, "gave the lease back");
    } catch (error) {
      log.warn(
        { event: "resign_failed", error },
        "the lease could not be given back; it will run out",
      );
    }
  }

  async function hold(held: Held, signal: AbortSignal): Promise<void> {
    const lost = new AbortController();
    known = held.lease;
    log.info({ event: "leading", epoch: held.lease.epoch }, "leads");
    const leading = AbortSignal.any([signal, lost.signal]);
    const keeping = keep(held, lost, signal);
    try {
      await lead(held.lease, leading, () => isTrusted(held));
    } catch (error) {
      // a term may end before its first write; how it ended is told below
      if (!leading.aborted || !hasCode(error, "lost_race")) throw error;
    } finally {
      const wasLost = lost.signal.aborted;
      lost.abort();
      await keeping;
      known = undefined;
      if (wasLost) log.warn({ event: "deposed", epoch: held.lease.epoch }, "the lease is lost");
      else await resign(held);
    }
  }

  return {
    name: "election",
    leader: () => known,
    async run(signal) {
      using bell = createBell(signal);
      using _watch = broker.listen(changed, (message) => {
        known = leaseOf(message);
        if (message.removed) bell.ring();
      });
      using _up = broker.onUp(() => bell.ring());
      let misses = 0;
      while (!signal.aborted) {
        try {
          const held = await stand();
          misses = 0;
          if (held) await hold(held, signal);
        } catch (error) {
          misses = hasCode(error, "broker_misconfigured") ? misses + 1 : 0;
          if (misses >= MISSES) throw isGone(stream, error);
          log.warn({ event: "election_failed", error }, "could not stand for election or lead");
        }
        await bell.wait(ttlMs / 2);
      }
    },
  };
}

const leaseOf = (stored: Stored | undefined): LeaderLease | undefined =>
  stored === undefined || stored.removed ? undefined : decodeLease(textOf(stored));
