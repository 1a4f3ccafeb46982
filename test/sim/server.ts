// The simulated broker: the streams of an installation, what they republish to whom, and who answers requests.
import { hasCode, MillraceError } from "../../src/shared/errors.ts";
import { MARKERS_MS } from "../../src/shared/io/feed.ts";
import type { PublishOptions } from "../../src/shared/io/publisher.ts";
import { createSubjects, type Subjects } from "../../src/shared/subjects.ts";
import { createConnection, type Connection, type Weather } from "./connection.ts";
import type { Random } from "./random.ts";
import { createStream, type Message, type Stream, type StreamSpec } from "./stream.ts";
import { createHost, EPOCH_MS, type Host, type Timer, type World } from "./world.ts";

/** How often the broker does what it may do on bad days; probabilities. */
export type Moods = {
  /** A push to a listener is lost. */
  dropPush: number;
  /** A publish is neither stored nor answered. */
  swallow: number;
  /** A publish is stored and not answered. */
  silence: number;
  /** Direct reads come from a replica that lags by up to this many milliseconds. */
  lagMs: number;
};

export type Subscription = {
  readonly connection: Connection;
  readonly subject: string;
  /** The generation of the connection in which the broker knows it. */
  known: number;
  deliver(message: Message): void;
  answer?(payload: string, reply: (text: string) => void): void;
};

export type Answer = { seq: number } | { error: MillraceError };

export type Server = {
  readonly host: Host;
  connect(host: Host): Connection;
  /** Stores unless refused; undefined when there will be no answer. */
  publish(
    subject: string,
    payload: string | Uint8Array,
    options: PublishOptions,
  ): Answer | undefined;
  stream(name: string): Stream;
  /** The latest instant whose messages a direct read sees. */
  readsUntil(): number;
  /** False while the streams choose a new leader: then there is nobody to ask but the copies. */
  answers(): boolean;
  /** True while something is on its way that was sent over a connection long lost. */
  isExpecting(): boolean;
  readonly subscriptions: Set<Subscription>;
  responder(subject: string): Subscription | undefined;
  /** Stores without expectations: somebody who does not keep to the rules. */
  force(subject: string, payload: string, headers?: Record<string, string>): void;
  /** Killed and started again: it comes back after so long. */
  restart(downMs: number): void;
  /** Stands still for so long. */
  freeze(ms: number): void;
  /** Streams are without a leader for so long. */
  elect(ms: number): void;
};

const EXPIRY_SLACK_MS = 300;
/** A broker that came back was seen to remove keys that should have lived on. */
const PURGE_AFTER_RESTART = 0.3;

function specsOf({ jobs, assign, logs, workers, leader, queues }: Subjects): StreamSpec[] {
  const bucket = { markerTtlMs: MARKERS_MS };
  return [
    specOf(jobs.stream, jobs.all, jobs.changed, { markerTtlMs: MARKERS_MS }),
    specOf(assign.stream, assign.all, assign.commands, { onePerSubject: false }),
    specOf(logs.stream, logs.all, logs.live, { onePerSubject: false }),
    specOf(workers.stream, workers.all, workers.beats, bucket),
    specOf(leader.stream, leader.all, leader.changed, bucket),
    specOf(queues.stream, queues.all, queues.changed, bucket),
  ];
}

const specOf = (
  name: string,
  all: string,
  republished: string,
  more: Partial<StreamSpec>,
): StreamSpec => ({
  name,
  prefix: all.slice(0, -1),
  republished: republished.slice(0, -1),
  onePerSubject: true,
  ...more,
});

export function createServer(deps: {
  world: World;
  random: Random;
  weather: Weather;
  moods: Moods;
  /** Sees everything that is stored, in order. */
  onStored(stream: string, message: Message): void;
}): Server {
  const { world, random, moods, weather } = deps;
  const host = createHost("broker");
  const connections = new Set<Connection>();
  const subscriptions = new Set<Subscription>();
  const expiries = new Map<Message, Timer>();
  let electingUntil = 0;
  let lateUntil = 0;

  const streams = specsOf(createSubjects()).map((spec): Stream => {
    const stream: Stream = createStream(spec, {
      now: () => world.now,
      epochMs: () => EPOCH_MS + world.now,
      onStored(message) {
        deps.onStored(spec.name, message);
        push(spec, message);
      },
      expireAfter(message, ttlMs) {
        const act = () => expire(stream, message);
        const dueMs = ttlMs + random.between(0, EXPIRY_SLACK_MS);
        expiries.set(message, world.after(dueMs, act, host));
      },
    });
    return stream;
  });

  function expire(stream: Stream, message: Message): void {
    expiries.delete(message);
    stream.expire(message);
  }

  function push(spec: StreamSpec, message: Message): void {
    const subject = spec.republished + message.subject.slice(spec.prefix.length);
    for (const subscription of subscriptions) {
      const { connection } = subscription;
      if (subscription.known !== connection.generation || !covers(subscription.subject, subject))
        continue;
      if (!random.chance(moods.dropPush)) connection.toHost(() => subscription.deliver(message));
    }
  }

  const streamFor = (subject: string): Stream | undefined =>
    streams.find(({ spec }) => subject.startsWith(spec.prefix));

  function store(subject: string, payload: string | Uint8Array, options: PublishOptions): Answer {
    try {
      const stream = streamFor(subject);
      if (stream === undefined) throw new MillraceError("internal", `No stream for ${subject}.`);
      return { seq: stream.append(subject, payload, options).seq };
    } catch (error) {
      if (hasCode(error, "lost_race", "internal")) return { error };
      throw error;
    }
  }

  return {
    host,
    subscriptions,
    connect(client) {
      const connection = createConnection({
        world,
        random,
        host: client,
        broker: host,
        weather,
        onLate(until) {
          lateUntil = Math.max(lateUntil, until);
        },
      });
      connections.add(connection);
      return connection;
    },
    publish(subject, payload, options) {
      if (world.now < electingUntil || random.chance(moods.swallow)) return undefined;
      const answer = store(subject, payload, options);
      return random.chance(moods.silence) ? undefined : answer;
    },
    stream(name) {
      const found = streams.find(({ spec }) => spec.name === name);
      if (found === undefined) throw new Error(`There is no stream ${name}.`);
      return found;
    },
    readsUntil: () => world.now - random.between(0, moods.lagMs),
    answers: () => world.now >= electingUntil,
    isExpecting: () => world.now <= lateUntil,
    responder: (subject) =>
      [...subscriptions].find(
        (each) =>
          each.answer !== undefined &&
          each.subject === subject &&
          each.known === each.connection.generation &&
          each.connection.host.alive,
      ),
    force: (subject, payload, headers = {}) => void store(subject, payload, { headers }),
    restart(downMs) {
      host.frozenUntil = world.now + downMs;
      for (const connection of connections) connection.lose();
      if (random.chance(PURGE_AFTER_RESTART)) world.after(downMs + 270, purgeOne, host);
    },
    freeze(ms) {
      host.frozenUntil = world.now + ms;
      for (const connection of connections) connection.cut([]);
    },
    elect(ms) {
      electingUntil = world.now + ms;
    },
  };

  function purgeOne(): void {
    const victims = [...expiries.keys()].filter(
      ({ subject, removed }) => !removed && subject.startsWith("$KV."),
    );
    if (victims.length === 0) return;
    const victim = random.pick(victims);
    const stream = streamFor(victim.subject);
    if (stream) expire(stream, victim);
  }
}

const covers = (pattern: string, subject: string): boolean =>
  pattern.endsWith(">") ? subject.startsWith(pattern.slice(0, -1)) : pattern === subject;
