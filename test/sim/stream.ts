// A stream of the simulated broker: sequences, one or many messages per subject, compare-and-set, messages that remove themselves.
import { MillraceError } from "../../src/shared/errors.ts";
import type { PublishOptions } from "../../src/shared/io/publisher.ts";
import type { Stored } from "../../src/shared/io/wire.ts";

export type StreamSpec = {
  name: string;
  /** Every subject of the stream begins with it. */
  prefix: string;
  onePerSubject: boolean;
  /** Takes the place of the prefix when a stored message is republished. */
  republished: string;
  /** How long the marker of an expired message stays. */
  markerTtlMs?: number;
};

export type Message = Stored & { storedAt: number };

export type Stream = {
  readonly spec: StreamSpec;
  readonly lastSeq: number;
  /** Throws `lost_race` when an expectation does not hold. */
  append(subject: string, payload: string | Uint8Array, options: PublishOptions): Message;
  last(subject: string): Message | undefined;
  /** Messages from a sequence on whose subject fits, stored until the instant. */
  range(from: number, subject: string, limit: number, until?: number): Message[];
  /** What expires by itself some time. */
  mortal(): Message[];
  /** Puts an expiry marker in the place of the message, if that is still the last of its subject. */
  expire(message: Message): Message | undefined;
};

const EXPIRED = { "Nats-Marker-Reason": "MaxAge" };
const encoder = new TextEncoder();

export type StreamDeps = {
  now(): number;
  /** Wall clock of the broker. */
  epochMs(): number;
  onStored(message: Message): void;
  /** Asks for `expire` after this long. */
  expireAfter(message: Message, ttlMs: number): void;
};

export function createStream(spec: StreamSpec, deps: StreamDeps): Stream {
  const messages: (Message | undefined)[] = [];
  const lasts = new Map<string, Message>();
  let lastId = "";

  function check(
    subject: string,
    { expectSubject, expectStream, headers = {} }: PublishOptions,
  ): void {
    const found = lasts.get(subject)?.seq ?? 0;
    if (expectSubject !== undefined && expectSubject !== found)
      throw lostRace(subject, expectSubject, found);
    if (expectStream !== undefined && expectStream !== messages.length)
      throw lostRace(spec.name, expectStream, messages.length);
    const expectId = headers["Nats-Expected-Last-Msg-Id"] ?? lastId;
    if (expectId !== lastId) throw lostRace(spec.name, expectId, lastId);
  }

  function put(
    subject: string,
    payload: string | Uint8Array,
    headers: Readonly<Record<string, string>>,
    ttlMs: number | undefined,
  ): Message {
    const previous = lasts.get(subject);
    const epochMs = deps.epochMs();
    const message: Message = {
      subject,
      seq: messages.length + 1,
      previous: previous?.seq ?? 0,
      data: typeof payload === "string" ? encoder.encode(payload) : payload,
      header: (name) =>
        name === "Nats-Time-Stamp" ? new Date(epochMs).toISOString() : headers[name],
      removed: "KV-Operation" in headers || "Nats-Marker-Reason" in headers,
      storedAt: deps.now(),
    };
    if (spec.onePerSubject && previous !== undefined) messages[previous.seq - 1] = undefined;
    messages.push(message);
    lastId = headers["Nats-Msg-Id"] ?? "";
    lasts.set(subject, message);
    if (ttlMs !== undefined)
      deps.expireAfter(message, Math.max(1, Math.ceil(ttlMs / 1_000)) * 1_000);
    deps.onStored(message);
    return message;
  }

  const fits = (message: Message, subject: string): boolean =>
    subject.endsWith(">")
      ? message.subject.startsWith(subject.slice(0, -1))
      : message.subject === subject;

  return {
    spec,
    get lastSeq() {
      return messages.length;
    },
    append(subject, payload, options) {
      check(subject, options);
      return put(subject, payload, options.headers ?? {}, options.ttlMs);
    },
    last: (subject) => lasts.get(subject),
    range(from, subject, limit, until = Infinity) {
      const found: Message[] = [];
      for (let at = Math.max(1, from) - 1; at < messages.length && found.length < limit; at += 1) {
        const message = messages[at];
        if (message && fits(message, subject) && message.storedAt <= until) found.push(message);
      }
      return found;
    },
    mortal: () => [...lasts.values()].filter(({ removed }) => !removed),
    expire(message) {
      if (lasts.get(message.subject) !== message) return undefined;
      if (message.header("Nats-Marker-Reason") !== undefined) {
        lasts.delete(message.subject);
        messages[message.seq - 1] = undefined;
        return undefined;
      }
      return put(message.subject, "", EXPIRED, spec.markerTtlMs);
    },
  };
}

const lostRace = (what: string, expected: number | string, found: number | string) =>
  new MillraceError("lost_race", `${what}: wrong last sequence: ${found}, expected ${expected}`);
