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
};

export type BrokerReport = {
  version: string;
  /** Bytes that JetStream holds and may hold; no limit is undefined. */
  storage: { used: number; limit?: number };
  streams: StreamReport[];
  /** Streams that should be there and are not. */
  missing: string[];
};

/** Throws `broker_unavailable` when JetStream does not answer. */
export async function inspectBroker(broker: Broker): Promise<BrokerReport> {
  const { jobs, assign, logs, workers, leader, queues } = broker.subjects;
  const names = [
    jobs.stream,
    assign.stream,
    logs.stream,
    workers.stream,
    leader.stream,
    queues.stream,
  ];
  try {
    const manager = await jetstreamManager(broker.nc);
    const account = await manager.getAccountInfo();
    const found = await Promise.all(names.map((name) => findStream(manager, name)));
    return {
      version: broker.version,
      storage: {
        used: account.storage,
        ...(account.limits.max_storage > 0 ? { limit: account.limits.max_storage } : {}),
      },
      streams: found.flatMap((info) => (info === undefined ? [] : [reportOf(info)])),
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

async function findStream(
  manager: JetStreamManager,
  name: string,
): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(name);
  } catch (error) {
    if ((error as { code?: unknown }).code === NOT_FOUND) return undefined;
    throw error;
  }
}

function reportOf({ config, state, cluster }: StreamInfo): StreamReport {
  const copies = cluster?.replicas ?? [];
  return {
    name: config.name,
    replicas: config.num_replicas,
    lagging: copies.filter(({ current, offline }) => !current || offline).length,
    writable: config.num_replicas === 1 || (cluster?.leader ?? "") !== "",
    messages: state.messages,
    bytes: state.bytes,
  };
}
