// Reads how an installation's broker is set up, for people who want to know how far it can be trusted.
import { jetstreamManager, type JetStreamManager, type StreamInfo } from "@nats-io/jetstream";

import { MillraceError } from "../errors.ts";
import type { Broker } from "./broker.ts";

export type StreamReport = {
  name: string;
  replicas: number;
  /** Copies that are behind or away. */
  lagging: number;
  /** False while no copy leads: the stream cannot be written. */
  writable: boolean;
  messages: number;
  bytes: number;
  /** Absent where the stream has no limit of its own. */
  maxBytes?: number;
  /** What gives way when the limit is reached: the oldest messages, or whoever writes next. */
  discards: "old" | "new";
};

export type BrokerReport = {
  version: string;
  /** The server that answered, and its cluster if it is part of one: tells whether a monitoring endpoint belongs to it. */
  serverId: string;
  cluster?: string;
  /** Largest message in bytes that it takes. */
  maxPayload: number;
  /** How far the clocks of the servers are ahead of ours: of them all, the one that is furthest off. */
  clockAheadMs: number;
  /** Bytes that JetStream holds and may hold; no limit is undefined. */
  storage: { used: number; limit?: number };
  streams: StreamReport[];
  /** Streams that should be there and are not. */
  missing: string[];
};

/** Throws `broker_unavailable` when JetStream does not answer. */
export async function inspectBroker(broker: Broker): Promise<BrokerReport> {
  const { jobs, assign, logs, workers, leader, queues } = broker.subjects;
  const names = [jobs, assign, logs, workers, leader, queues].map(({ stream }) => stream);
  const server = broker.nc.info;
  try {
    const manager = await jetstreamManager(broker.nc);
    const account = await manager.getAccountInfo();
    const found = await Promise.all(names.map((name) => findStream(manager, name, broker)));
    const streams = found.filter((info) => info !== undefined);
    return {
      version: broker.version,
      serverId: server?.server_id ?? "",
      ...(server?.cluster ? { cluster: server.cluster } : {}),
      maxPayload: broker.maxPayload,
      clockAheadMs: furthest(streams.map(({ aheadMs }) => aheadMs)),
      storage: {
        used: account.storage,
        ...(account.limits.max_storage > 0 ? { limit: account.limits.max_storage } : {}),
      },
      streams: streams.map(({ info }) => reportOf(info)),
      missing: names.filter((_, index) => found[index] === undefined),
    };
  } catch (cause) {
    throw new MillraceError(
      "broker_unavailable",
      "JetStream does not answer; see whether the server has it switched on and a quorum.",
      { cause },
    );
  }
}

const NOT_FOUND = 10_059;

/** The server stamps its answer with the same clock as it stamps messages. */
type Stamped = StreamInfo & { ts?: string };

async function findStream(
  manager: JetStreamManager,
  name: string,
  { clock }: Broker,
): Promise<{ info: StreamInfo; aheadMs: number } | undefined> {
  try {
    const askedAt = clock.now();
    const info: Stamped = await manager.streams.info(name);
    const middle = (askedAt + clock.now()) / 2;
    return { info, aheadMs: (Date.parse(info.ts ?? "") || middle) - middle };
  } catch (error) {
    if ((error as { code?: unknown }).code === NOT_FOUND) return undefined;
    throw error;
  }
}

const furthest = (offsets: readonly number[]): number =>
  offsets.reduce((worst, one) => (Math.abs(one) > Math.abs(worst) ? one : worst), 0);

function reportOf({ config, state, cluster }: StreamInfo): StreamReport {
  const copies = cluster?.replicas ?? [];
  return {
    name: config.name,
    replicas: config.num_replicas,
    lagging: copies.filter(({ current, offline }) => !current || offline).length,
    writable: config.num_replicas === 1 || (cluster?.leader ?? "") !== "",
    messages: state.messages,
    bytes: state.bytes,
    ...(config.max_bytes > 0 ? { maxBytes: config.max_bytes } : {}),
    discards: config.discard,
  };
}
