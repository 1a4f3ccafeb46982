// The product's Broker on a simulated connection: the same promises, timeouts and errors as the real one.
import { MillraceError } from "../../src/shared/errors.ts";
import type { Broker } from "../../src/shared/io/broker.ts";
import type { Clock } from "../../src/shared/io/clock.ts";
import { deferred, type Deferred } from "../../src/shared/io/lifecycle.ts";
import type { PublishOptions, Stamp } from "../../src/shared/io/publisher.ts";
import { createSubjects } from "../../src/shared/subjects.ts";
import type { Connection } from "./connection.ts";
import type { Answer, Server, Subscription } from "./server.ts";
import type { World } from "./world.ts";

/** Where a host can be hit while it publishes: before the message leaves, right after, or when the answer arrives. */
export type Stage = "before" | "sent" | "answered";

export type Trap = { stage: Stage; prefix: string; act(): void };

export type SimBroker = Broker & {
  readonly connection: Connection;
  /** Springs once, at the next publish that it is set for; undefined takes it away. */
  setTrap(trap: Trap | undefined): void;
};

type Pending = Deferred<Stamp> & { subject: string; deadline: number };

const PUBLISH_TIMEOUT_MS = 5_000;
const READ_TIMEOUT_MS = 5_000;
const SWEEP_MS = 250;

export function createSimBroker(deps: {
  world: World;
  server: Server;
  connection: Connection;
  clock: Clock;
  replicas: number;
}): SimBroker {
  const { world, server, connection, clock, replicas } = deps;
  const { host } = connection;
  const pending = new Set<Pending>();
  const asking = new Set<(error: MillraceError) => void>();
  const own = new Set<Subscription>();
  let sweeping = false;
  let trap: Trap | undefined;

  connection.onUp(() => {
    for (const subscription of own) subscription.known = connection.generation;
  });
  connection.onDown(() => {
    for (const wait of pending) wait.reject(unknown(wait.subject, "the connection was lost"));
    pending.clear();
    for (const fail of asking) fail(unavailable("a read"));
    asking.clear();
  });

  function sweep(): void {
    for (const wait of pending) {
      if (wait.deadline > world.now) continue;
      pending.delete(wait);
      wait.reject(unknown(wait.subject, "no answer in time"));
    }
    sweeping = pending.size > 0;
    if (sweeping) world.after(SWEEP_MS, sweep, host);
  }

  function spring(stage: Stage, subject: string): void {
    if (trap?.stage !== stage || !subject.startsWith(trap.prefix)) return;
    const { act } = trap;
    trap = undefined;
    act();
  }

  function publish(
    subject: string,
    payload: string | Uint8Array,
    options: PublishOptions = {},
  ): Promise<Stamp> {
    spring("before", subject);
    if (!connection.isUp()) return Promise.reject(unknown(subject, "the connection is down"));
    const deadline = world.now + (options.timeoutMs ?? PUBLISH_TIMEOUT_MS);
    const wait: Pending = { ...deferred<Stamp>(), subject, deadline };
    pending.add(wait);
    if (!sweeping) world.after(SWEEP_MS, sweep, host);
    sweeping = true;
    connection.toBroker(() => {
      const answer = server.publish(subject, payload, options);
      if (answer) connection.toHost(() => settle(wait, answer));
    });
    spring("sent", subject);
    return wait.promise;
  }

  function settle(wait: Pending, answer: Answer): void {
    if (!pending.delete(wait)) return;
    spring("answered", wait.subject);
    if ("error" in answer) wait.reject(answer.error);
    else wait.resolve(answer);
  }

  /** Asks the broker: a stream's leader, or whoever has a copy. Nobody tells when the question or the answer is lost, but the time runs out. */
  function ask<T>(what: string, look: () => T, ofAnybody = false): Promise<T> {
    if (!connection.isUp()) return Promise.reject(unavailable(what));
    const wait = deferred<T>();
    const late = world.after(READ_TIMEOUT_MS, () => fail(unavailable(what)), host);
    asking.add(fail);
    function fail(error: MillraceError): void {
      world.cancel(late);
      asking.delete(fail);
      wait.reject(error);
    }
    connection.toBroker(() => {
      if (!ofAnybody && !server.answers()) return;
      const value = look();
      connection.toHost(() => {
        world.cancel(late);
        asking.delete(fail);
        wait.resolve(value);
      });
    });
    return wait.promise;
  }

  function subscribe(subscription: Omit<Subscription, "connection" | "known">): Disposable {
    const full: Subscription = { ...subscription, connection, known: 0 };
    own.add(full);
    server.subscriptions.add(full);
    connection.toBroker(() => {
      if (own.has(full)) full.known = connection.generation;
    });
    return {
      [Symbol.dispose]() {
        own.delete(full);
        server.subscriptions.delete(full);
      },
    };
  }

  return {
    connection,
    setTrap(next) {
      trap = next;
    },
    get nc(): never {
      throw new Error("There is no NATS in the simulation.");
    },
    subjects: createSubjects(),
    clock,
    version: "simulated",
    maxPayload: 1_048_576,
    isUp: connection.isUp,
    onUp: connection.onUp,
    onDown: connection.onDown,
    publish,
    last: (stream, subject) => ask(subject, () => server.stream(stream).last(subject)),
    lastNearby: (stream, subject) => ask(subject, () => server.stream(stream).last(subject), true),
    next: (stream, { from, subject }) =>
      ask(subject, () => server.stream(stream).range(from, subject, 1)[0]),
    range: (stream, { from, subject, limit = 1_000 }) =>
      ask(
        stream,
        () => ({
          messages: server.stream(stream).range(from, subject, limit, server.readsUntil()),
          more: false,
        }),
        true,
      ),
    streamState: (stream) =>
      ask(stream, () => {
        const { lastSeq } = server.stream(stream);
        return { firstSeq: 1, lastSeq, messages: lastSeq, bytes: 0, replicas };
      }),
    subjectsIn: (stream, subject) =>
      ask(stream, () => {
        const messages = server.stream(stream).range(1, subject, Infinity);
        return new Set(messages.map((message) => message.subject));
      }),
    request(subject, payload, timeoutMs) {
      const wait = deferred<string>();
      const refuse = () =>
        wait.reject(new MillraceError("worker_unreachable", `Nobody answered on ${subject}.`));
      world.after(timeoutMs, refuse, host);
      connection.toBroker(() => {
        const responder = server.responder(subject);
        if (responder === undefined) return connection.toHost(refuse);
        responder.connection.toHost(() =>
          responder.answer?.(payload, (text) =>
            responder.connection.toBroker(() => connection.toHost(() => wait.resolve(text))),
          ),
        );
      });
      return wait.promise;
    },
    serve: (subject, answer) =>
      subscribe({
        subject,
        deliver: () => undefined,
        answer: (payload, reply) => void answer(payload).then(reply),
      }),
    listen: (subject, listener) => subscribe({ subject, deliver: listener }),
    flush: () => ask("a flush", () => undefined),
    [Symbol.asyncDispose]() {
      for (const subscription of own) server.subscriptions.delete(subscription);
      own.clear();
      connection.close();
      return Promise.resolve();
    },
  };
}

const unknown = (subject: string, why: string) =>
  new MillraceError(
    "broker_unavailable",
    `Publishing to ${subject}: ${why}; it may or may not be stored.`,
    { retryAfterS: 2 },
  );

const unavailable = (what: string) =>
  new MillraceError("broker_unavailable", `The broker did not answer ${what}.`, { retryAfterS: 2 });
