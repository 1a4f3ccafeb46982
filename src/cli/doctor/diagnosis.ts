// Judges an installation by what was found out about it. Pure.
import { durability } from "./durability.ts";
import type { Facts, ServerFacts } from "./facts.ts";
import { error, ok, warning, type Finding } from "./finding.ts";
import { judgeBroker } from "./judge-broker.ts";
import { judgeClock, judgeVersions } from "./judge-hosts.ts";
import { judgeInstallation } from "./judge-installation.ts";

export function diagnose(facts: Facts): Finding[] {
  const { broker } = facts;
  return [
    ...judgeServer(facts),
    ...(broker instanceof Error ? [error("broker", broker.message)] : judgeBroker(broker, facts)),
    ...judgeVersions(facts),
    ...judgeClock(facts),
    ...judgeInstallation(facts.installation),
    ...(broker instanceof Error || broker.streams.length === 0
      ? []
      : [durability(broker.streams, facts.monitors)]),
  ];
}

function judgeServer({ server, installation }: Facts): Finding[] {
  const lease = installation instanceof Error ? undefined : installation?.lease;
  if (server instanceof Error)
    return [error("server", server.message), ...(lease === undefined ? [] : [led(lease)])];
  const { leader } = server.stats;
  return [
    ok("server", `answers at ${server.url}`),
    leader === undefined
      ? error("leader", "no scheduler leads, so nothing is placed", "look at the schedulers' logs")
      : led({ ...leader, since: Date.parse(leader.since) }),
    ...(lease !== undefined && leader !== undefined && lease.scheduler !== leader.scheduler
      ? [
          warning(
            "leader",
            `the server names ${leader.scheduler}, the broker ${lease.scheduler}`,
            "if this stays, --url and --nats (or --prefix) name two different installations",
          ),
        ]
      : []),
    judgeWorkers(server),
    ...judgeQuarantine(server),
  ];
}

const led = ({ scheduler, since, epoch }: { scheduler: string; since: number; epoch: number }) =>
  ok("leader", `${scheduler} since ${new Date(since).toISOString()} (epoch ${epoch})`);

function judgeWorkers({ stats: { workers, slots } }: ServerFacts): Finding {
  return workers === 0
    ? warning("workers", "there are none, so nothing runs", "start one with `millrace worker`")
    : ok("workers", `${workers}, with ${slots.total - slots.used} of ${slots.total} slots free`);
}

const judgeQuarantine = ({ quarantined }: ServerFacts): Finding[] =>
  quarantined.map(({ id, quarantine }) =>
    warning(
      "workers",
      `${id} keeps failing and gets nothing but a probe now and then: ${quarantine?.reason ?? ""}`,
      "look at its host and its log; `millrace worker release` lets it in again at once",
    ),
  );
