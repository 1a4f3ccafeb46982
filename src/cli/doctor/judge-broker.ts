// Judges the broker: its streams, its room, and the size of the messages that it takes. Pure.
import type { BrokerReport, StreamReport } from "../../shared/io/inspect.ts";
import { bytes } from "../display.ts";
import type { Facts, MonitorFacts } from "./facts.ts";
import { error, ok, warning, type Finding } from "./finding.ts";

const FULL_SHARE = 0.8;
/** The largest job that the API takes, and as much again for what is written about it. */
const NEEDED_PAYLOAD = 2 * 2 ** 20;

export function judgeBroker(
  broker: BrokerReport & { url: string },
  { monitors }: Pick<Facts, "monitors">,
): Finding[] {
  const { version, url, storage, streams, missing } = broker;
  return [
    ok("broker", `nats-server ${version} at ${withoutSecrets(url)}`),
    ...judgePayload(broker),
    judgeStorage("storage", storage),
    ...monitors.map((monitor) => judgeDisk(monitor)),
    ...judgeStreams(streams, missing),
  ];
}

/** The address may hold a password or a token. */
const withoutSecrets = (url: string): string => url.replaceAll(/\/\/[^@/,]*@/g, "//");

function judgePayload({ maxPayload }: BrokerReport): Finding[] {
  if (maxPayload >= NEEDED_PAYLOAD) return [];
  const text = `takes messages of at most ${bytes(maxPayload)}: jobs with long scripts or inputs are refused`;
  return [warning("broker", text, "set max_payload: 8MB on every server")];
}

const judgeDisk = ({ server, storage }: MonitorFacts): Finding =>
  judgeStorage(`disk of ${server}`, storage);

function judgeStorage(about: string, storage: { used: number; limit?: number }): Finding {
  const { used, limit } = storage;
  if (limit === undefined) return ok(about, `${bytes(used)} used, no limit set`);
  const text = `${bytes(used)} of ${bytes(limit)} used`;
  return used > limit * FULL_SHARE
    ? warning(about, `${text}; nearly full`, "raise max_file_store, or keep less output")
    : ok(about, text);
}

function judgeStreams(streams: readonly StreamReport[], missing: readonly string[]): Finding[] {
  const leaderless = streams.filter(({ writable }) => !writable);
  const lagging = streams.filter((stream) => stream.lagging > 0);
  const full = streams.filter(isNearlyFull);
  const findings = [
    ...(missing.length > 0
      ? [
          error(
            "streams",
            `missing: ${missing.join(", ")}`,
            "a scheduler makes them when it starts; is --prefix right?",
          ),
        ]
      : []),
    ...(leaderless.length > 0
      ? [
          error(
            "streams",
            `cannot be written, no copy leads: ${names(leaderless)}`,
            "bring back a majority of the brokers",
          ),
        ]
      : []),
    ...(lagging.length > 0
      ? [
          warning(
            "streams",
            `copies are behind or away: ${names(lagging)}`,
            "start the broker that is missing; another loss stops everything",
          ),
        ]
      : []),
    ...full.map((stream) =>
      warning(
        "streams",
        `${stream.name} is nearly full: ${sizeOf(stream)}`,
        "raise its max_bytes, or let finished jobs go sooner",
      ),
    ),
  ];
  const sound = missing.length === 0 && findings.length === 0;
  return sound ? [ok("streams", streams.map(describe).join(", "))] : findings;
}

/** A stream that drops its oldest messages is meant to be full. */
const isNearlyFull = ({ bytes: used, maxBytes, discards }: StreamReport): boolean =>
  discards === "new" && maxBytes !== undefined && used > maxBytes * FULL_SHARE;

const describe = (stream: StreamReport): string =>
  `${stream.name} ×${stream.replicas} ${sizeOf(stream)}`;

const sizeOf = ({ bytes: used, maxBytes }: StreamReport): string =>
  maxBytes === undefined ? bytes(used) : `${bytes(used)} of ${bytes(maxBytes)}`;

const names = (some: readonly { name: string }[]) => some.map(({ name }) => name).join(", ");
