import { describe, expect, it } from "vitest";

import { diagnose } from "../../../../src/cli/doctor/diagnosis.ts";
import type { Facts, InstallationFacts, MonitorFacts } from "../../../../src/cli/doctor/facts.ts";
import { worstOf } from "../../../../src/cli/doctor/finding.ts";

const stream = {
  name: "MR_JOBS",
  replicas: 1,
  lagging: 0,
  writable: true,
  messages: 1,
  bytes: 100,
  discards: "new" as const,
};
const leader = { scheduler: "s1", epoch: 3, since: "2027-01-31T08:00:00.000Z" };
const stats = {
  jobs: { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, expired: 0 },
  workers: 2,
  slots: { total: 8, used: 3 },
  leader,
};
const sound = {
  server: { url: "http://127.0.0.1:7070", aheadMs: 0, stats, quarantined: [] },
  broker: {
    url: "nats://127.0.0.1:4222",
    version: "2.14.0",
    serverId: "N1",
    maxPayload: 8 * 2 ** 20,
    clockAheadMs: 3,
    storage: { used: 100 },
    streams: [stream],
    missing: [] as string[],
  },
  monitors: [] as MonitorFacts[],
  installation: {
    lease: { v: 1, scheduler: "s1", epoch: 3, since: 1_801_382_400_000 },
    workers: [{ id: "w-1", version: "0.1.0", status: "ready", silentMs: 900 }],
    orphans: [],
    unrunnable: [],
    cancels: [],
  },
  version: "0.1.0",
} satisfies Facts;

const broker = (change: object): Facts => ({ ...sound, broker: { ...sound.broker, ...change } });
const server = (change: object): Facts => ({ ...sound, server: { ...sound.server, ...change } });
const records = (change: Partial<InstallationFacts>): Facts => ({
  ...sound,
  installation: { ...sound.installation, ...change },
});
const monitor = (always: boolean, everyMs: number, used = 0): MonitorFacts => ({
  server: "b1",
  sync: { always, everyMs },
  storage: { used, limit: 100 },
});
const found = (some: Facts, about: string) => diagnose(some).filter((one) => one.about === about);

it("finds nothing wrong with a sound installation", () => {
  expect(worstOf(diagnose(sound))).toBe("ok");
  expect(diagnose(sound).map(({ about }) => about)).toEqual(
    "server leader workers broker storage streams versions clock records durability".split(" "),
  );
});

describe("trouble", () => {
  const { leader: _leader, ...leaderless } = stats;
  const { lease: _lease, ...unled } = sound.installation;
  const { job, worker } = { job: "j1", worker: "w-2" };
  const quiet = { id: "w-3", version: "0.1.0", status: "quiet", silentMs: 42_000 };
  const three = ["a", "b", "c", "d"].map((one) => ({ job: one, waitedMs: 90_000, why: "No gpu." }));
  it.each<[string, Facts, string, string, RegExp]>([
    ["no server", { ...sound, server: new Error("gone") }, "server", "error", /gone/],
    ["no broker", { ...sound, broker: new Error("away") }, "broker", "error", /away/],
    ["no records", { ...sound, installation: new Error("slow") }, "records", "error", /slow/],
    [
      "no leader",
      { ...server({ stats: leaderless }), installation: unled },
      "leader",
      "error",
      /nothing is placed/,
    ],
    ["no workers", server({ stats: { ...stats, workers: 0 } }), "workers", "warning", /none/],
    ["a clock behind", server({ aheadMs: 60_000 }), "clock", "warning", /1m behind the server's/],
    ["a clock ahead", broker({ clockAheadMs: -9_000 }), "clock", "warning", /9s ahead of the br/],
    ["a missing stream", broker({ missing: ["MR_LOGS"] }), "streams", "error", /MR_LOGS/],
    [
      "a stream without leader",
      broker({ streams: [{ ...stream, writable: false }] }),
      "streams",
      "error",
      /MR_JOBS/,
    ],
    ["a copy behind", broker({ streams: [{ ...stream, lagging: 1 }] }), "streams", "warning", /M/],
    [
      "a full stream",
      broker({ streams: [{ ...stream, maxBytes: 110 }] }),
      "streams",
      "warning",
      /nearly full: 100 B of 110 B/,
    ],
    ["a full account", broker({ storage: { used: 9, limit: 10 } }), "storage", "warning", /nearly/],
    [
      "a full disk",
      { ...sound, monitors: [monitor(true, 0, 90)] },
      "disk of b1",
      "warning",
      /90 B of 100 B used; nearly full/,
    ],
    ["silent workers", records({ workers: [quiet] }), "workers", "warning", /w-3 \(42s\)/],
    [
      "quarantine",
      server({ quarantined: [{ id: "w-1", quarantine: { reason: "no more processes" } }] }),
      "workers",
      "warning",
      /w-1 keeps failing.*no more processes/,
    ],
    ["orphans", records({ orphans: [{ job, worker }] }), "orphans", "warning", /j1 on w-2/],
    [
      "jobs for nobody",
      records({ unrunnable: three }),
      "waiting",
      "warning",
      /4 that nobody can run, for up to 1m30s: No gpu. \(a, b, c and 1 more\)/,
    ],
    ["a stuck cancel", cancels("pending"), "cancels", "warning", /not ended although/],
    ["a leftover cancel", cancels("leftover"), "cancels", "warning", /ended, with a cancel/],
    ["a stray cancel", cancels("stray"), "cancels", "warning", /gone, with a cancel/],
    [
      "two installations",
      records({ lease: { ...sound.installation.lease, scheduler: "s2" } }),
      "leader",
      "warning",
      /server names s1, the broker s2/,
    ],
    ["small messages", broker({ maxPayload: 2 ** 20 }), "broker", "warning", /1\.0 MiB/],
    [
      "an unfinished upgrade",
      { ...sound, version: "0.2.0" },
      "versions",
      "warning",
      /command is 0.2.0, workers are 0.1.0/,
    ],
  ])("is named: %s", (_name, some, about, level, text) => {
    expect(found(some, about)).toContainEqual(
      expect.objectContaining({ level, text: expect.stringMatching(text) }),
    );
  });

  function cancels(what: "pending" | "leftover" | "stray"): Facts {
    return records({ cancels: [{ job: "j1", ageMs: 99_000, what }] });
  }
});

it("calls a stream that drops its oldest messages well when it is full", () => {
  const logs = { ...stream, name: "MR_LOGS", maxBytes: 100, discards: "old" };
  expect(found(broker({ streams: [logs] }), "streams")[0]?.level).toBe("ok");
});

it("does not show what the broker's address keeps secret", () => {
  const url = "nats://me:secret@a:4222,nats://token@b:4222";
  const [first] = found(broker({ url }), "broker");
  expect(first?.text).toBe("nats-server 2.14.0 at nats://a:4222,nats://b:4222");
});

describe("durability", () => {
  const three = [{ ...stream, replicas: 3 }];
  const lazy = monitor(false, 120_000);
  const strict = monitor(true, 120_000);
  const with_ = (streams: (typeof stream)[], monitors: MonitorFacts[]): Facts => ({
    ...broker({ streams }),
    monitors,
  });
  it.each<[string, Facts, RegExp, RegExp]>([
    ["one copy", with_([stream], []), /one copy.*sync.* unknown/, /three brokers.*--monitor/],
    ["one copy, lazy", with_([stream], [lazy]), /may take the last 2m/, /sync_interval: always/],
    ["one copy, strict", with_([stream], [strict]), /survive power loss/, /three brokers/],
    ["three copies", with_(three, []), /loss of 1 of 3.*unknown/, /--monitor/],
    ["three copies, lazy", with_(three, [strict, lazy, strict]), /all brokers at once may/, /sync/],
    ["three copies, half known", with_(three, [strict]), /known of 1 of 3 only/, /--monitor/],
    ["three copies, strict", with_(three, [strict, strict, strict]), /they survive/, /nothing/],
    ["a weak stream", with_([...three, stream], []), /MR_JOBS: 1 of 3 copies/, /num_replicas/],
  ])("is put in words: %s", (_name, some, text, advice) => {
    const [finding] = found(some, "durability");
    expect(finding?.text).toMatch(text);
    expect(finding?.advice ?? "nothing to change").toMatch(advice);
  });
});
