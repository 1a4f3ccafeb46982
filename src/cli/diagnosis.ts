// Judges an installation by what was found out about it. Pure.
import type { BrokerReport } from "../shared/io/inspect.ts";
import { bytes, shortDuration } from "./display.ts";
import type { Stats } from "./views.ts";

export type Level = "ok" | "warning" | "error";
export type Finding = { level: Level; about: string; text: string };

/** What was found; a part that could not be reached is the reason why. */
export type Facts = {
  server: { url: string; aheadMs: number; stats: Stats } | Error;
  broker: (BrokerReport & { url: string }) | Error;
  /** How the broker writes to disk, where its monitoring endpoint told. */
  sync?: { always: boolean; intervalMs: number } | undefined;
};

/** A difference between two clocks that confuses people and schedules. */
const CLOCK_TOLERANCE_MS = 2_000;
const FULL_SHARE = 0.8;

export function diagnose(facts: Facts): Finding[] {
  return [...judgeServer(facts.server), ...judgeBroker(facts.broker, facts.sync)];
}

function judgeServer(server: Facts["server"]): Finding[] {
  if (server instanceof Error) return [error("server", server.message)];
  const { leader, workers, slots } = server.stats;
  const aheadMs = Math.abs(server.aheadMs);
  return [
    ok("server", `answers at ${server.url}`),
    leader === undefined
      ? error("leader", "no scheduler leads, so nothing is placed; look at the schedulers' logs")
      : ok("leader", `${leader.scheduler} since ${leader.since} (epoch ${leader.epoch})`),
    workers === 0
      ? warning("workers", "there are none; start one with `millrace worker`")
      : ok("workers", `${workers}, with ${slots.total - slots.used} of ${slots.total} slots free`),
    aheadMs > CLOCK_TOLERANCE_MS
      ? warning("clock", `differs from the server's by ${shortDuration(aheadMs)}; let NTP set both`)
      : ok("clock", "agrees with the server's"),
  ];
}

function judgeBroker(broker: Facts["broker"], sync: Facts["sync"]): Finding[] {
  if (broker instanceof Error) return [error("broker", broker.message)];
  const { missing, streams } = broker;
  const broken = streams.filter(({ writable }) => !writable);
  const lagging = streams.filter((stream) => stream.lagging > 0);
  return [
    ok("broker", `nats-server ${broker.version} at ${broker.url}`),
    judgeStorage(broker.storage),
    ...(missing.length > 0
      ? [error("streams", `missing: ${missing.join(", ")}; a scheduler makes them when it starts`)]
      : []),
    ...(broken.length > 0 ? [error("streams", `without a leader: ${names(broken)}`)] : []),
    ...(lagging.length > 0 ? [warning("streams", `copies lag behind: ${names(lagging)}`)] : []),
    ...(streams.length > 0 ? [durability(broker, sync)] : []),
  ];
}

function judgeStorage({ used, limit }: BrokerReport["storage"]): Finding {
  if (limit === undefined) return ok("storage", `${bytes(used)} used, no limit set`);
  const text = `${bytes(used)} of ${bytes(limit)} used`;
  return used > limit * FULL_SHARE
    ? warning("storage", `${text}; nearly full`)
    : ok("storage", text);
}

const names = (some: readonly { name: string }[]) => some.map(({ name }) => name).join(", ");

/** What the settings are worth when things go wrong, in words. */
function durability({ streams }: BrokerReport, sync: Facts["sync"]): Finding {
  const copies = Math.min(...streams.map(({ replicas }) => replicas));
  if (copies >= 3) {
    const survives = `accepted jobs survive the loss of ${Math.floor((copies - 1) / 2)} of ${copies} brokers`;
    if (sync?.always) return ok("durability", `${survives}, and power loss of all of them`);
    const rest = sync
      ? "not power loss of all at once"
      : "power loss of all only with sync_interval: always";
    return ok("durability", `${survives}; ${rest}`);
  }
  const survives =
    "one copy: accepted jobs survive kill -9 of every process, not the loss of the disk";
  if (sync?.always) return ok("durability", `${survives}; they survive power loss`);
  const window = sync ? `the last ${shortDuration(sync.intervalMs)}` : "the last minutes";
  return ok("durability", `${survives}; power loss may take ${window}`);
}

const ok = (about: string, text: string): Finding => ({ level: "ok", about, text });
const warning = (about: string, text: string): Finding => ({ level: "warning", about, text });
const error = (about: string, text: string): Finding => ({ level: "error", about, text });
