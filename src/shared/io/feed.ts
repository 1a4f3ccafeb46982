// An ordered, complete feed of a stream: pushed by republish, checked by sequence, gaps filled by direct reads.
//
// There is no consumer behind it, so it costs the broker nothing per reader. A message can be missed (the push is at most once);
// it is noticed by the sequence of the next one, at a reconnect, or by the slow check against the stream's last sequence.
import { hasCode, MillraceError } from "../errors.ts";
import type { Broker } from "./broker.ts";
import { deferred, pause, type Service } from "./lifecycle.ts";
import { silentLog, type Log } from "./log.ts";
import type { Stored } from "./wire.ts";

export type FeedOptions = {
  broker: Broker;
  stream: string;
  /** The stream subjects of interest. */
  source: string;
  /** Where they are republished to. */
  listen: string;
  /** `stream`: the feed covers every subject of the stream, so a jump in sequence means something was missed. `subject`: exactly one subject. */
  scope: "stream" | "subject";
  /** Messages up to this sequence are known already; default 0. */
  after?: number;
  onMessage(message: Stored): void;
  /**
   * Called when the feed may have missed removals, which leave a marker only for `MARKERS_MS`: the stream is to be compared with
   * what is known. The feed has caught up then. So it is once at the start where a stream has several copies: the one that
   * was read may have kept what is long gone.
   */
  onOverslept?(): Promise<void>;
  /** How often the slow check runs; default 2 s. One that fails is repeated after 2 s at most. */
  checkMs?: number;
  log?: Log;
};

export type Feed = Service & {
  /** Sequence of the newest message delivered. */
  readonly lastSeq: number;
  /** Resolves once everything that the stream holds at the time of the call was delivered; rejects when the broker is away. */
  caughtUp(): Promise<void>;
  /** Makes the check now, for somebody who thinks that a message was missed. */
  check(): Promise<void>;
};

const BATCH = 10_000;
const RETRY_MS = 250;
const CHECK_MS = 2_000;
/** How long what was removed or has expired leaves a marker in its stream. */
export const MARKERS_MS = 60_000;
/** Looks in a row that must miss a stream, or its end, before it is gone: a broker that starts may not know all of it yet. */
export const MISSES = 3;

/** On both clocks: a host that sleeps does not count that on its monotonic one. */
type Instant = { mono: number; now: number };

export function createFeed(options: FeedOptions): Feed {
  const { broker, stream, source, scope, onMessage, onOverslept } = options;
  const { log = silentLog, checkMs = CHECK_MS } = options;
  let lastSeq = options.after ?? 0;
  let wanted = 0;
  let misses = 0;
  let setbacks = 0;
  let isChecked = false;
  let sureAt: Instant | undefined;
  let filling: Promise<void> | undefined;
  const broken = deferred<never>();
  broken.promise.catch(() => undefined);

  function deliver(message: Stored): void {
    lastSeq = message.seq;
    onMessage(message);
  }

  function pushed(message: Stored): void {
    if (message.seq <= lastSeq) return;
    const follows = scope === "stream" ? message.seq === lastSeq + 1 : message.previous === lastSeq;
    if (follows && filling === undefined) deliver(message);
    else void fill(message.seq);
  }

  /** Reads on until at least `target`, or until the broker is away; calls meanwhile join it. */
  function fill(target: number): Promise<void> {
    wanted = Math.max(wanted, target);
    filling ??= readOn().finally(() => {
      filling = undefined;
    });
    return filling;
  }

  async function readOn(): Promise<void> {
    while (lastSeq < wanted && broker.isUp()) {
      try {
        const { messages } = await broker.range(stream, {
          from: lastSeq + 1,
          subject: source,
          limit: BATCH,
        });
        for (const message of messages) if (message.seq > lastSeq) deliver(message);
        if (messages.length === 0) await askLeader();
      } catch (error) {
        log.debug({ event: "feed_retry", stream, error }, "a read of the feed failed");
        await pause(RETRY_MS);
      }
    }
  }

  /** A replica that lags behind and a tail that was removed both answer with nothing: only the stream's leader can tell which it is. */
  async function askLeader(): Promise<void> {
    const end = wanted;
    const message = await broker.next(stream, { from: lastSeq + 1, subject: source });
    if (message === undefined) lastSeq = Math.max(lastSeq, end);
    else if (message.seq > lastSeq) deliver(message);
  }

  async function newest(): Promise<number> {
    if (scope === "stream") return (await broker.streamState(stream)).lastSeq;
    return (await broker.last(stream, source))?.seq ?? 0;
  }

  /** The only message of a subject may have expired; an older one cannot have come after it. */
  const hasGoneBack = (known: number, target: number): boolean =>
    target < known && (scope === "stream" || target > 0);

  const instant = (): Instant => ({ mono: broker.clock.mono(), now: broker.clock.now() });

  async function mayHaveMissed(): Promise<boolean> {
    if (sureAt === undefined) return (await broker.streamState(stream)).replicas > 1;
    const { mono, now } = instant();
    return Math.max(mono - sureAt.mono, now - sureAt.now) > MARKERS_MS;
  }

  /** Everything that the stream held at `since` was delivered. */
  async function beSure(since: Instant): Promise<void> {
    if (onOverslept !== undefined && (await mayHaveMissed())) await onOverslept();
    sureAt = since;
  }

  /** A broker that was frozen or has just taken over may answer from before for a moment. */
  function setBack(known: number, target: number): void {
    setbacks += 1;
    if (setbacks >= MISSES) broken.reject(wentBack(stream, known, target));
    else log.warn({ event: "feed_set_back", stream, known, target }, "the stream's end went back");
  }

  async function check(): Promise<void> {
    isChecked = false;
    if (!broker.isUp()) return;
    const known = lastSeq;
    const since = instant();
    try {
      const target = await newest();
      misses = 0;
      if (hasGoneBack(known, target)) return setBack(known, target);
      setbacks = 0;
      if (target > lastSeq) await fill(target);
      if (target <= lastSeq) await beSure(since);
      isChecked = target <= lastSeq;
    } catch (error) {
      misses = hasCode(error, "broker_misconfigured") ? misses + 1 : 0;
      if (misses >= MISSES) broken.reject(isGone(stream, error));
      log.warn({ event: "feed_check_failed", stream, error }, "the feed could not be checked");
    }
  }

  async function keepChecking(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await check();
      await pause(isChecked ? checkMs : Math.min(checkMs, CHECK_MS), signal);
    }
  }

  return {
    name: `feed ${stream}`,
    check,
    get lastSeq() {
      return lastSeq;
    },
    async caughtUp() {
      const target = await newest();
      while (lastSeq < target) {
        if (!broker.isUp())
          throw new MillraceError(
            "broker_unavailable",
            `The broker went away while ${stream} was read.`,
            { retryAfterS: 2 },
          );
        await fill(target);
      }
    },
    async run(signal) {
      using _listening = broker.listen(options.listen, pushed);
      using _reconnected = broker.onUp(() => void check());
      await Promise.race([keepChecking(signal), broken.promise]);
    },
  };
}

const wentBack = (stream: string, known: number, found: number) =>
  new MillraceError(
    "broker_misconfigured",
    `Stream ${stream} ends at ${found}, but ${known} was seen: it was deleted, restored or lost messages. Find out why, then start again.`,
  );

export const isGone = (stream: string, cause: unknown) =>
  new MillraceError(
    "broker_misconfigured",
    `Stream ${stream} is gone: somebody deleted it. Find out why, restore it, then start again.`,
    { cause },
  );
