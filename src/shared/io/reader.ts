// Reading streams without consumers: the last message of a subject, and ranges by direct get.
import type { Msg, NatsConnection } from "nats";

import { MillraceError } from "../errors.ts";
import { deferred, type Deferred } from "./lifecycle.ts";
import { refusal } from "./publisher.ts";
import {
  headOf,
  lineOf,
  statusOf,
  storedOf,
  storedOfLeaderReply,
  type LeaderReply,
  type Stored,
} from "./wire.ts";

export type RangeQuery = {
  /** First stream sequence of interest. */
  from: number;
  /** Stream subject, wildcards allowed. */
  subject: string;
  /** Most messages per call; default 1,000. */
  limit?: number;
  /** Most bytes per call; default 4 MiB, so that one answer never floods the connection. */
  maxBytes?: number;
};

export type Range = { messages: Stored[]; more: boolean };
export type StreamState = {
  firstSeq: number;
  lastSeq: number;
  messages: number;
  bytes: number;
  /** Copies that the broker keeps. */
  replicas: number;
};

export type Reader = Disposable & {
  /** The last message of a subject as the stream's leader knows it: linearizable. */
  last(stream: string, subject: string): Promise<Stored | undefined>;
  /** The last message of a subject as some replica knows it: cheaper, may lag on several brokers. */
  lastNearby(stream: string, subject: string): Promise<Stored | undefined>;
  /** The first message at or after a sequence, as the stream's leader knows it. */
  next(stream: string, query: { from: number; subject: string }): Promise<Stored | undefined>;
  range(stream: string, query: RangeQuery): Promise<Range>;
  streamState(stream: string): Promise<StreamState>;
  /** Every subject that has a message. The broker scans for it. */
  subjectsIn(stream: string, subject: string): Promise<Set<string>>;
  failPending(cause?: unknown): void;
};

type Collecting = Deferred<Range> & { messages: Stored[]; timer: NodeJS.Timeout };

const TIMEOUT_MS = 5_000;
const NOT_FOUND = 404;
const NO_MESSAGE = 10_037;

/** Who may not read a stream at large asks a scheduler at `ask`, which lets them read their own subject only. */
export type Confinement = { stream: string; ask: string };

/** Where the broker answers reads, before the stream's name. */
export const READS = { range: "$JS.API.DIRECT.GET", next: "$JS.API.STREAM.MSG.GET" } as const;

export function createReader(
  nc: NatsConnection,
  inbox: string,
  isUp: () => boolean,
  confinement?: Confinement,
): Reader {
  const collecting = new Map<string, Collecting>();
  /** Ends each request under way: the client itself would let it wait for its whole time on a lost connection. */
  const asking = new Set<(reason: unknown) => void>();
  let count = 0;

  const subscription = nc.subscribe(`${inbox}.*`, {
    callback: (_error, message) => {
      const token = message.subject.slice(inbox.length + 1);
      const wait = collecting.get(token);
      if (wait === undefined) return;
      if (collect(wait, message)) collecting.delete(token);
    },
  });

  const apiFor = (stream: string, read: keyof typeof READS): string =>
    stream === confinement?.stream ? `${confinement.ask}.${read}` : `${READS[read]}.${stream}`;

  async function lastNearby(stream: string, subject: string): Promise<Stored | undefined> {
    const message = await ask(`$JS.API.DIRECT.GET.${stream}.${subject}`, "");
    return statusOf(headOf(message)) === NOT_FOUND ? undefined : storedOf(message);
  }

  async function api<T extends { error?: LeaderReply["error"] }>(
    subject: string,
    body: unknown,
  ): Promise<T> {
    return (await ask(`$JS.API.${subject}`, JSON.stringify(body))).json<T>();
  }

  async function ask(subject: string, payload: string): Promise<Msg> {
    if (!isUp()) throw unavailable(subject, new Error("the connection is down"));
    const wait = deferred<Msg>();
    asking.add(wait.reject);
    try {
      nc.request(subject, payload, { timeout: TIMEOUT_MS }).then(wait.resolve, wait.reject);
      return await wait.promise;
    } catch (error) {
      throw unavailable(subject, error);
    } finally {
      asking.delete(wait.reject);
    }
  }

  async function fromLeader(
    stream: string,
    subject: string,
    query: Record<string, unknown>,
  ): Promise<Stored | undefined> {
    const reply = (await ask(apiFor(stream, "next"), JSON.stringify(query))).json<LeaderReply>();
    if (reply.error?.err_code === NO_MESSAGE) return undefined;
    if (reply.error !== undefined) throw refusal(subject, reply.error);
    return storedOfLeaderReply(reply);
  }

  function failPending(cause?: unknown): void {
    for (const wait of collecting.values()) fail(wait, unavailable("a range read", cause));
    collecting.clear();
    for (const reject of asking) reject(cause ?? new Error("the connection was lost"));
  }

  return {
    last: (stream, subject) =>
      stream === confinement?.stream
        ? lastNearby(stream, subject)
        : fromLeader(stream, subject, { last_by_subj: subject }),
    next: (stream, { from, subject }) =>
      fromLeader(stream, subject, { seq: Math.max(1, from), next_by_subj: subject }),
    lastNearby,
    range(stream, { from, subject, limit = 1_000, maxBytes = 4_194_304 }) {
      if (!isUp())
        return Promise.reject(unavailable("a range read", new Error("the connection is down")));
      const token = (count++).toString(36);
      const timer = setTimeout(() => expire(token), TIMEOUT_MS);
      const wait: Collecting = { ...deferred<Range>(), messages: [], timer };
      collecting.set(token, wait);
      const query = {
        seq: Math.max(1, from),
        next_by_subj: subject,
        batch: limit,
        max_bytes: maxBytes,
      };
      nc.publish(apiFor(stream, "range"), JSON.stringify(query), {
        reply: `${inbox}.${token}`,
      });
      return wait.promise;
    },
    async streamState(stream) {
      type Info = {
        error?: LeaderReply["error"];
        config?: { num_replicas?: number };
        state?: { first_seq: number; last_seq: number; messages: number; bytes: number };
      };
      const { error, config, state } = await api<Info>(`STREAM.INFO.${stream}`, {});
      if (state === undefined) throw refusal(stream, error ?? { description: "no stream state" });
      return {
        firstSeq: state.first_seq,
        lastSeq: state.last_seq,
        messages: state.messages,
        bytes: state.bytes,
        replicas: config?.num_replicas ?? 1,
      };
    },
    async subjectsIn(stream, subject) {
      type Info = {
        error?: LeaderReply["error"];
        total?: number;
        state?: { subjects?: Record<string, number> };
      };
      const found = new Set<string>();
      for (let total = 1; found.size < total;) {
        const query = { subjects_filter: subject, offset: found.size };
        const { error, state, ...page } = await api<Info>(`STREAM.INFO.${stream}`, query);
        if (state === undefined) throw refusal(stream, error ?? { description: "no stream state" });
        const names = Object.keys(state.subjects ?? {});
        for (const name of names) found.add(name);
        total = names.length === 0 ? 0 : (page.total ?? 0);
      }
      return found;
    },
    failPending,
    [Symbol.dispose]() {
      subscription.unsubscribe();
      failPending();
    },
  };

  function expire(token: string): void {
    const wait = collecting.get(token);
    collecting.delete(token);
    if (wait !== undefined) fail(wait, unavailable("a range read", new Error("no answer in time")));
  }
}

function fail(wait: Collecting, error: MillraceError): void {
  clearTimeout(wait.timer);
  wait.reject(error);
}

/** Takes one message of an answer; true when it was the last. */
function collect(wait: Collecting, message: Msg): boolean {
  const head = headOf(message) ?? "";
  const code = statusOf(head);
  if (code === 0) {
    const stored = storedOf(message);
    if (stored !== undefined) wait.messages.push(stored);
    wait.timer.refresh();
    return false;
  }
  clearTimeout(wait.timer);
  if (code === 204 || code === NOT_FOUND)
    wait.resolve({
      messages: wait.messages,
      more: Number(lineOf(head, "Nats-Num-Pending") ?? 0) > 0,
    });
  else wait.reject(unavailable("a range read", new Error(head.split("\r\n", 1)[0])));
  return true;
}

const unavailable = (what: string, cause: unknown) =>
  new MillraceError("broker_unavailable", `The broker did not answer ${what}.`, {
    cause,
    retryAfterS: 2,
  });
