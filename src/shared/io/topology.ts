// The streams and buckets of an installation: made where missing, compared with what is needed where present.
import {
  jetstreamManager,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from "@nats-io/jetstream";

import { MillraceError } from "../errors.ts";
import type { Subjects } from "../subjects.ts";
import type { Broker } from "./broker.ts";
import { MARKERS_MS } from "./feed.ts";
import { pause } from "./lifecycle.ts";

export type TopologyOptions = {
  /** Copies of every stream: 1, 3 or 5; default 1. */
  replicas?: number;
  /** How long output is kept, in milliseconds; default 7 days. */
  logsMaxAgeMs?: number;
  /** Bytes of output kept; the oldest goes first. Default: the most of 8 GiB, 1 GiB and 128 MiB that the broker grants. */
  logsMaxBytes?: number;
  /** Bytes of files kept; more is refused. Default: the most of 8 GiB, 1 GiB and 128 MiB that the broker grants beside the output. */
  filesMaxBytes?: number;
  /** Patience with brokers that have just been started, in milliseconds; default 30 s. */
  patienceMs?: number;
};

type Wanted = Partial<StreamConfig> & { name: string };

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Small beside the output: room for about 300,000 events. */
const EVENTS_MAX_BYTES = 64 * 2 ** 20;
/** One thing to which much happens, as a schedule of every second, does not push out what happened to the others. */
const EVENTS_PER_SUBJECT = 50_000;
const SIZES = [8 * 2 ** 30, 2 ** 30, 128 * 2 ** 20];
const NO_SPACE = new Set([10_047, 10_023, 10_028]);
const NOT_FOUND = 10_059;
/** On the server, for the account. */
const NOT_ENABLED = new Set([10_076, 10_039]);
const PATIENCE_MS = 30_000;
const PROBE_MS = 1_000;
const RETRY_MS = 250;

/** What an operator may set as they like: found values are kept. */
const TUNABLE = new Set(["max_bytes", "max_age", "num_replicas"]);
/** What may be more than is needed. */
const AT_LEAST = new Set(["subject_delete_marker_ttl"]);

/**
 * Makes what is missing. Throws `broker_misconfigured` when something is there but set up otherwise, or when a part of
 * an installation that was in use is gone; `broker_unavailable` when brokers do not agree on a leader in time.
 */
export async function ensureTopology(broker: Broker, options: TopologyOptions = {}): Promise<void> {
  const manager = await openManager(broker, options.patienceMs ?? PATIENCE_MS);
  const streams = streamsOf(broker.subjects, options);
  const logs = logsOf(broker.subjects, options);
  const files = filesOf(broker.subjects, options);
  await requireWhole(
    manager,
    [...streams, logs, files].map(({ name }) => name),
  );
  for (const wanted of streams) await ensureStream(manager, wanted);
  await ensureBounded(manager, logs, options.logsMaxBytes);
  await ensureBounded(manager, files, options.filesMaxBytes);
}

/** Nothing is stored before every stream is made: one that is missing beside one that was written to has been deleted. */
async function requireWhole(manager: JetStreamManager, names: string[]): Promise<void> {
  const found = await Promise.all(names.map((name) => findStream(manager, name)));
  if (found.every((info) => info === undefined || info.state.last_seq === 0)) return;
  const missing: string[] = [];
  for (const [index, name] of names.entries()) {
    // looked at again: another scheduler may just have made them all and begun
    if (found[index] === undefined && !(await findStream(manager, name))) missing.push(name);
  }
  if (missing.length === 0) return;
  throw new MillraceError(
    "broker_misconfigured",
    `Gone from an installation that was in use: ${missing.join(", ")}. Making it anew would hide what was lost: restore it from a backup, or delete the other streams too, or use another --prefix.`,
  );
}

/** Brokers that start have JetStream, and answer once they have agreed on its leader. */
async function openManager(broker: Broker, patienceMs: number): Promise<JetStreamManager> {
  const giveUpAt = broker.clock.mono() + patienceMs;
  for (;;) {
    try {
      await jetstreamManager(broker.nc, { timeout: PROBE_MS });
      return await jetstreamManager(broker.nc, { checkAPI: false });
    } catch (cause) {
      if (!broker.nc.info?.jetstream || NOT_ENABLED.has(apiCode(cause)))
        throw new MillraceError(
          "broker_misconfigured",
          "The broker has JetStream switched off; start nats-server with -js or a jetstream block.",
          { cause },
        );
      if (broker.clock.mono() >= giveUpAt)
        throw new MillraceError(
          "broker_unavailable",
          `The broker's JetStream has not answered for ${patienceMs / 1_000} s; most of the brokers of a cluster must run.`,
          { cause },
        );
      await pause(RETRY_MS);
    }
  }
}

const nanos = (ms: number): number => ms * 1_000_000;

/** What all streams have. */
const baseOf = ({ replicas = 1 }: TopologyOptions) =>
  ({
    storage: "file",
    retention: "limits",
    num_replicas: replicas,
    allow_direct: true,
  }) satisfies Partial<StreamConfig>;

function streamsOf(subjects: Subjects, options: TopologyOptions): Wanted[] {
  const { jobs, assign, workers, leader, queues, config, groups, events } = subjects;
  const base = baseOf(options);
  const bucket = (name: string, all: string, republished?: string): Wanted => ({
    ...base,
    name,
    subjects: [all],
    max_msgs_per_subject: 1,
    discard: "new",
    allow_rollup_hdrs: true,
    deny_delete: true,
    allow_msg_ttl: true,
    subject_delete_marker_ttl: nanos(MARKERS_MS),
    ...(republished === undefined ? {} : { republish: { src: all, dest: republished } }),
  });
  return [
    {
      ...base,
      name: jobs.stream,
      subjects: [jobs.all],
      max_msgs_per_subject: 1,
      discard: "new",
      allow_msg_ttl: true,
      subject_delete_marker_ttl: nanos(MARKERS_MS),
      republish: { src: jobs.all, dest: jobs.changed },
    },
    {
      ...base,
      name: assign.stream,
      subjects: [assign.all],
      max_age: nanos(HOUR_MS),
      duplicate_window: nanos(1_000), // the ids chain the appends; nothing is sent twice
      discard: "old",
      republish: { src: assign.all, dest: assign.commands },
    },
    bucket(workers.stream, workers.all, workers.beats),
    bucket(leader.stream, leader.all, leader.changed),
    bucket(queues.stream, queues.all, queues.changed),
    bucket(config.stream, config.all, config.changed),
    {
      ...base,
      name: groups.stream,
      subjects: [groups.all],
      max_msgs_per_subject: 1,
      discard: "new",
      allow_msg_ttl: true,
      subject_delete_marker_ttl: nanos(HOUR_MS),
      republish: { src: groups.all, dest: groups.changed },
    },
    {
      ...base,
      name: events.stream,
      subjects: [events.all],
      max_age: nanos(30 * DAY_MS),
      max_bytes: EVENTS_MAX_BYTES,
      max_msgs_per_subject: EVENTS_PER_SUBJECT,
      discard: "old",
      republish: { src: events.all, dest: events.told },
    },
  ];
}

function logsOf({ logs }: Subjects, options: TopologyOptions): Wanted {
  return {
    ...baseOf(options),
    name: logs.stream,
    subjects: [logs.all],
    discard: "old",
    max_age: nanos(options.logsMaxAgeMs ?? 7 * DAY_MS),
    republish: { src: logs.all, dest: logs.live },
  };
}

/**
 * Workers write here what they like. So it allows neither rollups, with which one of them could empty it, nor direct
 * reads, whose answers are what was stored, on whatever subject the asker names.
 */
function filesOf({ files }: Subjects, options: TopologyOptions): Wanted {
  return {
    ...baseOf(options),
    name: files.stream,
    subjects: [files.all],
    allow_direct: false,
    allow_rollup_hdrs: false,
    allow_msg_ttl: true,
    discard: "new",
    max_msgs_per_subject: 1,
  };
}

/** Output and files must be bounded, or they take the space that the records need. */
async function ensureBounded(
  manager: JetStreamManager,
  wanted: Wanted,
  maxBytes: number | undefined,
): Promise<void> {
  const sizes = maxBytes === undefined ? SIZES : [maxBytes];
  for (const [index, max_bytes] of sizes.entries()) {
    try {
      return await ensureStream(manager, { ...wanted, max_bytes });
    } catch (error) {
      if (index === sizes.length - 1 || !NO_SPACE.has(apiCode(error))) throw error;
    }
  }
}

async function ensureStream(manager: JetStreamManager, wanted: Wanted): Promise<void> {
  const found = await findStream(manager, wanted.name);
  const { config } = found ?? (await manager.streams.add(wanted));
  const differences = differencesBetween(wanted, config);
  if (differences.length === 0) return;
  throw new MillraceError(
    "broker_misconfigured",
    `Stream ${wanted.name} is not set up as needed: ${differences.join("; ")}. Either the server is too old to know a setting, or somebody changed the stream: put it right, or use another --prefix.`,
  );
}

async function findStream(
  manager: JetStreamManager,
  name: string,
): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(name);
  } catch (error) {
    if (apiCode(error) === NOT_FOUND) return undefined;
    throw error;
  }
}

/** Settings that are not as wanted, in words. An old server drops settings that it does not know without saying so. */
export function differencesBetween(
  wanted: Partial<StreamConfig>,
  found: Partial<StreamConfig>,
): string[] {
  const differences: string[] = [];
  for (const [key, value] of Object.entries(wanted)) {
    const actual = found[key as keyof StreamConfig];
    if (TUNABLE.has(key) || sameSetting(value, actual)) continue;
    if (AT_LEAST.has(key) && Number(actual) > Number(value)) continue;
    differences.push(
      `${key} is ${JSON.stringify(actual) ?? "not set"}, needed ${JSON.stringify(value)}`,
    );
  }
  return differences;
}

function sameSetting(wanted: unknown, found: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null) return wanted === found;
  if (typeof found !== "object" || found === null) return false;
  return Object.entries(wanted).every(([key, value]) =>
    sameSetting(value, (found as Record<string, unknown>)[key]),
  );
}

function apiCode(error: unknown): number {
  return typeof error === "object" &&
    error !== null &&
    "code" in error &&
    typeof error.code === "number"
    ? error.code
    : 0;
}
