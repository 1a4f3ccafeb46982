// Publishing into streams: pipelined, one reply subscription for all, every publish bounded in time.
//
// The client's own js.publish costs four times as much and hides what the outcome is. Here there are three:
// stored (a sequence), refused (lost_race, storage_full, …) and unknown (broker_unavailable): an unknown one may still be stored.
import type { MsgHdrs, NatsConnection } from "nats";

import { MillraceError } from "../errors.ts";
import { TurnoverMap } from "../turnover-map.ts";
import { headOf, statusOf } from "./wire.ts";

export type PublishOptions = {
  /** Refuse unless this is the last sequence of the subject; 0: unless the subject is empty. */
  expectSubject?: number;
  /** Refuse unless this is the last sequence of the stream. */
  expectStream?: number;
  /** The message removes itself after this long; whole seconds, at least one. */
  ttlMs?: number;
  headers?: Readonly<Record<string, string>>;
  /** How long to wait for the answer; default 5 s. */
  timeoutMs?: number;
};

export type Stamp = { seq: number };

type Pending = {
  token: number;
  subject: string;
  payload: string | Uint8Array;
  headers: MsgHdrs | undefined;
  deadline: number;
  resolve(stamp: Stamp): void;
  reject(error: unknown): void;
};
type Reply = { seq?: number; error?: { err_code?: number; code?: number; description?: string } };

const SWEEP_MS = 250;
const DEFAULT_TIMEOUT_MS = 5_000;
const LOST_RACE = new Set([10_070, 10_071, 10_164, 10_158]);
const NO_SPACE = new Set([10_077, 10_047, 10_023, 10_028]);
const decoder = new TextDecoder();

export type Publisher = Disposable & {
  publish(subject: string, payload: string | Uint8Array, options?: PublishOptions): Promise<Stamp>;
  /** Ends every wait as unknown: the connection that would have carried the answers is gone. */
  failPending(cause?: unknown): void;
};

export function createPublisher(
  nc: NatsConnection,
  options: {
    inbox: string;
    isUp(): boolean;
    mono(): number;
    /** Calls back right before the connection is written to, at the end of this turn of the loop. */
    beforeWrite(act: () => void): void;
    /** The broker answered, whatever. */
    onAnswer(): void;
  },
): Publisher {
  const { inbox, isUp, mono, beforeWrite, onAnswer } = options;
  const pending = new TurnoverMap<number, Pending>();
  let outgoing: Pending[] = [];
  let count = 0;
  let sweeper: NodeJS.Timeout | undefined;

  const subscription = nc.subscribe(`${inbox}.*`, {
    callback: (_error, message) => {
      onAnswer();
      const wait = pending.get(Number(message.subject.slice(inbox.length + 1)));
      if (wait === undefined) return;
      pending.delete(wait.token);
      if (statusOf(headOf(message)) === 503)
        wait.reject(unknown(wait.subject, "no stream answers for it"));
      else settle(wait, message.data);
    },
  });

  function sweep(): void {
    const now = mono();
    for (const wait of pending.values()) {
      if (wait.deadline > now) continue;
      pending.delete(wait.token);
      wait.reject(unknown(wait.subject, "no answer in time"));
    }
    sweeper = pending.size > 0 ? setTimeout(sweep, SWEEP_MS) : undefined;
  }

  /** Publishes what this turn of the loop gathered. */
  function flush(): void {
    const batch = outgoing;
    outgoing = [];
    for (const wait of batch) {
      const { token, subject, payload, headers } = wait;
      // Who was told that it failed must not see it stored by a later connection.
      if (!pending.has(token)) continue;
      const reply = `${inbox}.${token}`;
      try {
        nc.publish(subject, payload, headers === undefined ? { reply } : { reply, headers });
      } catch (error) {
        pending.delete(token);
        wait.reject(unknown(subject, "it could not be sent", error));
      }
    }
  }

  function failPending(cause?: unknown): void {
    for (const wait of pending.values())
      wait.reject(unknown(wait.subject, "the connection was lost", cause));
    pending.clear();
  }

  return {
    failPending,
    publish(subject, payload, settings = {}) {
      if (!isUp()) return Promise.reject(unknown(subject, "the connection is down"));
      return new Promise((resolve, reject) => {
        const token = count++;
        const deadline = mono() + (settings.timeoutMs ?? DEFAULT_TIMEOUT_MS);
        const headers = headersOf(settings);
        const wait = { token, subject, payload, headers, deadline, resolve, reject };
        pending.set(token, wait);
        sweeper ??= setTimeout(sweep, SWEEP_MS);
        if (outgoing.push(wait) === 1) beforeWrite(flush);
      });
    },
    [Symbol.dispose]() {
      clearTimeout(sweeper);
      subscription.unsubscribe();
      failPending();
    },
  };
}

function settle(wait: Pending, data: Uint8Array): void {
  let reply: Reply;
  try {
    reply = JSON.parse(decoder.decode(data)) as Reply;
  } catch (error) {
    return wait.reject(unknown(wait.subject, "the answer is not readable", error));
  }
  if (reply.error !== undefined) return wait.reject(refusal(wait.subject, reply.error));
  if (reply.seq === undefined)
    return wait.reject(unknown(wait.subject, "the answer names no sequence"));
  wait.resolve({ seq: reply.seq });
}

const unknown = (subject: string, why: string, cause?: unknown) =>
  new MillraceError(
    "broker_unavailable",
    `Publishing to ${subject}: ${why}; it may or may not be stored.`,
    { cause, retryAfterS: 2 },
  );

/** What a refusal of the JetStream API means. */
export function refusal(
  subject: string,
  error: { err_code?: number; code?: number; description?: string },
): MillraceError {
  const code = error.err_code ?? 0;
  const text = `${subject}: ${error.description ?? "refused"} (${code})`;
  if (LOST_RACE.has(code)) return new MillraceError("lost_race", text);
  if (NO_SPACE.has(code))
    return new MillraceError(
      "storage_full",
      `${text}; free space on the broker or raise its limits.`,
      { retryAfterS: 30 },
    );
  if (error.code === 503) return new MillraceError("broker_unavailable", text, { retryAfterS: 2 });
  return new MillraceError("broker_misconfigured", text);
}

/** The wire form, written once: the client's own header object costs more than the publish. */
function headersOf(options: PublishOptions): MsgHdrs | undefined {
  let lines = "";
  if (options.expectSubject !== undefined)
    lines += `Nats-Expected-Last-Subject-Sequence: ${options.expectSubject}\r\n`;
  if (options.expectStream !== undefined)
    lines += `Nats-Expected-Last-Sequence: ${options.expectStream}\r\n`;
  if (options.ttlMs !== undefined)
    lines += `Nats-TTL: ${Math.max(1, Math.ceil(options.ttlMs / 1_000))}s\r\n`;
  for (const name in options.headers) lines += `${name}: ${options.headers[name]}\r\n`;
  if (lines === "") return undefined;
  const bytes = Buffer.from(`NATS/1.0\r\n${lines}\r\n`);
  return { encode: () => bytes } as unknown as MsgHdrs;
}
