// The one connection to the broker: what Millrace does with NATS, without showing NATS.
import { connect, type ConnectionOptions, type Msg, type NatsConnection } from "nats";

import { MillraceError } from "../errors.ts";
import { createSubjects, type Subjects } from "../subjects.ts";
import { checkServerVersion } from "./broker-version.ts";
import { connectionOf } from "./connection-settings.ts";
import { wantsTls, type BrokerCredentials } from "./credentials.ts";
import { systemClock, type Clock } from "./clock.ts";
import { pause } from "./lifecycle.ts";
import { silentLog, type Log } from "./log.ts";
import { PING_SETTINGS, pingInSilence } from "./ping.ts";
import { createPublisher, type Publisher } from "./publisher.ts";
import { createReader, type Reader } from "./reader.ts";
import { tlsProblem } from "./tls.ts";
import { writeOncePerTurn } from "./turn.ts";
import { storedOf, type Stored } from "./wire.ts";

export type BrokerOptions = {
  /** One or more `nats://host:port`, comma-separated. */
  url: string;
  /** Names the connection and its private inbox: letters, digits, - and _. */
  identity: string;
  prefix?: string;
  credentials?: BrokerCredentials | undefined;
  /** How long a broker that is not there yet is waited for, in milliseconds; default not at all. */
  patienceMs?: number;
  /** Ends that wait. */
  signal?: AbortSignal;
  /** Its commands are read through a scheduler: the broker lets it read no stream of them itself. */
  confined?: boolean;
  clock?: Clock;
  log?: Log;
};

export type Broker = AsyncDisposable &
  Pick<Publisher, "publish"> &
  Pick<Reader, "last" | "lastNearby" | "next" | "range" | "streamState" | "subjectsIn"> & {
    readonly subjects: Subjects;
    readonly clock: Clock;
    /** Version of the server that answered. */
    readonly version: string;
    /** Largest message in bytes that the server takes. */
    readonly maxPayload: number;
    isUp(): boolean;
    onUp(listener: () => void): Disposable;
    onDown(listener: () => void): Disposable;
    /** Asks whoever serves the subject; throws `worker_unreachable` when nobody answers in time. */
    request(subject: string, payload: string, timeoutMs: number): Promise<string>;
    /** Of those that serve a subject in the same `queue`, one answers each request; without, all do. */
    serve(
      subject: string,
      answer: (payload: string) => Promise<string>,
      queue?: string,
    ): Disposable;
    /** Messages that a stream stored and republished. At most once: use a feed where none may be missed. */
    listen(subject: string, listener: (message: Stored) => void): Disposable;
    /** Resolves when everything sent so far has reached the broker. */
    flush(): Promise<void>;
    /** The client underneath, for stream administration inside this folder only. */
    readonly nc: NatsConnection;
  };

/** Connects, checks the server's version, and stays connected: the client reconnects for ever until disposed. */
export async function connectBroker(options: BrokerOptions): Promise<Broker> {
  const { identity, clock = systemClock, log = silentLog } = options;
  const subjects = createSubjects(options.prefix);
  const inbox = subjects.inbox(identity);
  const nc = await open(options, inbox);
  const version = nc.info?.version ?? "unknown";
  try {
    checkServerVersion(version);
  } catch (error) {
    await nc.close();
    throw error;
  }

  let up = true;
  const upListeners = new Set<() => void>();
  const downListeners = new Set<() => void>();
  const isUp = () => up && !nc.isClosed();
  const publisher = createPublisher(nc, {
    inbox: `${inbox}.p`,
    isUp,
    mono: clock.mono,
    beforeWrite: writeOncePerTurn(nc),
    onAnswer: pingInSilence(nc, clock.mono),
  });
  const reader = createReader(
    nc,
    `${inbox}.r`,
    isUp,
    options.confined ? { stream: subjects.assign.stream, ask: subjects.ask(identity) } : undefined,
  );

  async function followStatus(): Promise<void> {
    for await (const status of nc.status()) {
      if (status.type === "disconnect") {
        up = false;
        publisher.failPending();
        reader.failPending();
        log.warn({ event: "broker_down" }, "connection to the broker lost");
        for (const listener of downListeners) listener();
      } else if (status.type === "reconnect") {
        up = true;
        log.info({ event: "broker_up" }, "connected to the broker again");
        for (const listener of upListeners) listener();
      } else if (status.type === "error") {
        log.warn({ event: "broker_error", error: status.error }, "the broker reported an error");
      }
    }
  }
  const following = followStatus();

  return {
    nc,
    subjects,
    clock,
    version,
    maxPayload: nc.info?.max_payload ?? 1_048_576,
    isUp,
    onUp: (listener) => registered(upListeners, listener),
    onDown: (listener) => registered(downListeners, listener),
    publish: publisher.publish,
    last: reader.last,
    lastNearby: reader.lastNearby,
    next: reader.next,
    range: reader.range,
    streamState: reader.streamState,
    subjectsIn: reader.subjectsIn,
    async request(subject, payload, timeoutMs) {
      try {
        return (await nc.request(subject, payload, { timeout: timeoutMs })).string();
      } catch (error) {
        throw new MillraceError(
          "worker_unreachable",
          `Nobody answered on ${subject}; it may be gone or cut off.`,
          { cause: error, retryAfterS: 3 },
        );
      }
    },
    serve(subject, answer, queue) {
      async function respond(message: Msg): Promise<void> {
        try {
          message.respond(await answer(message.string()));
        } catch (error) {
          log.error({ event: "request_failed", subject, error }, "a request could not be answered");
        }
      }
      const subscription = nc.subscribe(subject, {
        ...(queue === undefined ? {} : { queue }),
        callback: (error, message) => {
          if (error === null) void respond(message);
        },
      });
      return { [Symbol.dispose]: () => subscription.unsubscribe() };
    },
    listen(subject, listener) {
      const subscription = nc.subscribe(subject, {
        callback: (error, message) => {
          const stored = error === null ? storedOf(message) : undefined;
          if (stored !== undefined) listener(stored);
        },
      });
      return { [Symbol.dispose]: () => subscription.unsubscribe() };
    },
    flush: () => nc.flush(),
    async [Symbol.asyncDispose]() {
      publisher[Symbol.dispose]();
      reader[Symbol.dispose]();
      await nc.close();
      await following;
    },
  };
}

/** For programs that a supervisor starts together with their broker: waiting costs less than starting them again and again. */
export const START_PATIENCE_MS = 30_000;
const LOOK_AGAIN_MS = 500;

async function open(options: BrokerOptions, inboxPrefix: string): Promise<NatsConnection> {
  const { url, identity, credentials } = options;
  const settings: ConnectionOptions = {
    servers: url.split(",").map((server) => server.trim()),
    name: `millrace ${identity}`,
    inboxPrefix,
    noAsyncTraces: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    ...PING_SETTINGS,
    timeout: 5_000,
    // who is asked about us may be away: that is no reason to give up
    ignoreAuthErrorAbort: true,
    ...connectionOf(credentials),
  };
  const nc = await connectInTime(settings, options);
  if (!wantsTls(credentials) || isEncrypted(nc)) return nc;
  await nc.close();
  throw new MillraceError(
    "broker_unavailable",
    `The broker at ${url} does not speak TLS, though its certificate was to be checked.`,
  );
}

async function connectInTime(
  settings: ConnectionOptions,
  { url, credentials, patienceMs = 0, signal, clock = systemClock, log = silentLog }: BrokerOptions,
): Promise<NatsConnection> {
  const giveUpAt = clock.mono() + patienceMs;
  for (let tries = 1; ; tries += 1) {
    try {
      return await connect(settings);
    } catch (error) {
      const refusal = refusalOf(url, error, credentials);
      if (refusal !== undefined) throw refusal;
      if (signal?.aborted || clock.mono() >= giveUpAt) throw nobodyAnswers(url, error);
      if (tries === 1)
        log.warn({ event: "broker_awaited", url }, "no broker answers yet; it is waited for");
      await pause(LOOK_AGAIN_MS, signal);
    }
  }
}

/** The client lets itself be talked out of TLS. */
const isEncrypted = (nc: NatsConnection): boolean =>
  (
    nc as unknown as { protocol: { transport: { isEncrypted(): boolean } } }
  ).protocol.transport.isEncrypted();

/** What is wrong when a broker is there and will not have us. */
function refusalOf(
  url: string,
  error: unknown,
  credentials: BrokerCredentials | undefined,
): MillraceError | undefined {
  const distrust = tlsProblem(error);
  if (distrust !== undefined)
    return new MillraceError("broker_unavailable", `The broker at ${url}: ${distrust}.`, {
      cause: error,
    });
  if (/authorization|authentication/i.test(String(error)))
    return new MillraceError(
      "broker_unavailable",
      `The broker at ${url} does not let us in: see --nats-nkey, or whether we were revoked.`,
      { cause: error },
    );
  // the client does not say that the handshake was refused
  if (wantsTls(credentials) && /timeout/i.test(String(error)))
    return new MillraceError(
      "broker_unavailable",
      `The broker at ${url} does not go on after our certificate, or without one: see --nats-cert and --nats-key.`,
      { cause: error },
    );
  return undefined;
}

const nobodyAnswers = (url: string, cause: unknown) =>
  new MillraceError(
    "broker_unavailable",
    `No NATS server answers at ${url}; start one, or leave the address out to use the embedded one.`,
    { cause },
  );

function registered(listeners: Set<() => void>, listener: () => void): Disposable {
  listeners.add(listener);
  return { [Symbol.dispose]: () => void listeners.delete(listener) };
}
