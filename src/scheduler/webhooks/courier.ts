// Tells one webhook of everything it wants to know: several deliveries at once, each tried again until it arrives or is given up.
//
// At least once: what has been dealt with is remembered as a position in the job stream, behind which nothing is open.
// After a crash everything behind the last position that was kept is told again, under the same event ids.
import { pause } from "../../shared/io/lifecycle.ts";
import type { Log } from "../../shared/io/log.ts";
import { backoffMs } from "../../shared/retry.ts";
import type { Webhook } from "../../shared/webhook.ts";
import { createBell } from "../bell.ts";
import type { Change, ChangeLog } from "../change-log.ts";
import type { Deliver } from "./deliver.ts";
import { eventsOf, type WebhookEvent } from "./event.ts";

export type CourierDeps = {
  hook: Webhook;
  /** The tenant that it belongs to; absent: the installation, whose webhooks are told of all jobs. */
  namespace?: string | undefined;
  /** Sequence that everything has been dealt with up to. */
  after: number;
  changes: ChangeLog;
  deliver: Deliver;
  /** Remembers the position. */
  keep(after: number): Promise<void>;
  /** Puts an event aside that could not be delivered. */
  bury(event: WebhookEvent, reason: string): Promise<void>;
  random(): number;
  log: Log;
  /** Wait after the first failure; default 1 s. */
  firstWaitMs?: number;
};

const WINDOW = 16;
const KEEP_EVERY_MS = 500;
const RETRY_MS = 1_000;
const LONGEST_WAIT = "5m";

/** Runs until the signal aborts, and keeps the position once more then. */
export async function runCourier(deps: CourierDeps, signal: AbortSignal): Promise<void> {
  const { hook, namespace, changes, deliver, keep, bury, random, log, firstWaitMs = 1_000 } = deps;
  /** Sequences with deliveries under way, oldest first, and how many. */
  const open = new Map<number, number>();
  const underWay = new Set<Promise<void>>();
  let reached = deps.after;
  let kept = deps.after;
  using room = createBell(signal);
  using moved = createBell(signal);

  function position(): number {
    const [oldest] = open.keys();
    return oldest === undefined ? reached : Math.min(reached, oldest - 1);
  }

  /** Resolves to false when it was interrupted: then it is still to be done. */
  async function settle(event: WebhookEvent): Promise<boolean> {
    for (let tries = 1; !signal.aborted; tries += 1) {
      const delivery = await deliver(hook, event, signal);
      if (delivery.ok) return true;
      if (signal.aborted) return false;
      log.debug({ event: "webhook_failed", id: event.id, reason: delivery.reason }, "not taken");
      if (tries >= hook.tries) return buried(event, delivery.reason);
      const backoff = { initial: `${firstWaitMs}ms`, max: LONGEST_WAIT };
      await pause(backoffMs(backoff, tries, random()), signal);
    }
    return false;
  }

  async function buried(event: WebhookEvent, reason: string): Promise<boolean> {
    while (!signal.aborted) {
      try {
        await bury(event, reason);
        return true;
      } catch (error) {
        log.warn({ event: "webhook_bury_failed", id: event.id, error }, "tried again");
        await pause(RETRY_MS, signal);
      }
    }
    return false;
  }

  function carry(seq: number, event: WebhookEvent): void {
    open.set(seq, (open.get(seq) ?? 0) + 1);
    const delivery = settle(event).then((isDone) => {
      underWay.delete(delivery);
      if (isDone) close(seq);
      room.ring();
    });
    underWay.add(delivery);
  }

  function close(seq: number): void {
    const left = (open.get(seq) ?? 1) - 1;
    if (left > 0) open.set(seq, left);
    else open.delete(seq);
    moved.ring();
  }

  async function take(change: Change): Promise<void> {
    for (const event of eventsOf(hook, change, namespace)) {
      while (underWay.size >= WINDOW && !signal.aborted) await room.wait();
      if (signal.aborted) return;
      carry(change.seq, event);
    }
    reached = change.seq;
  }

  async function keepPosition(): Promise<void> {
    const now = position();
    if (now <= kept) return;
    try {
      await keep(now);
      kept = now;
    } catch (error) {
      log.warn({ event: "webhook_position_failed", error }, "the position is kept later");
    }
  }

  async function keepOn(): Promise<void> {
    while (!signal.aborted) {
      await moved.wait();
      await keepPosition();
      await pause(KEEP_EVERY_MS, signal);
    }
  }

  const keeping = keepOn();
  for await (const batch of changes.follow(deps.after, signal)) {
    for (const change of batch) if (!signal.aborted) await take(change);
    moved.ring();
  }
  await keeping;
  await Promise.all(underWay);
  await keepPosition();
}
