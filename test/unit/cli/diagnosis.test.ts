import { describe, expect, it } from "vitest";

import { diagnose, type Facts } from "../../../src/cli/diagnosis.ts";

const stream = {
  name: "MR_JOBS",
  replicas: 1,
  lagging: 0,
  writable: true,
  messages: 1,
  bytes: 100,
};
const facts = {
  server: {
    url: "http://127.0.0.1:7070",
    aheadMs: 0,
    stats: {
      jobs: { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, expired: 0 },
      workers: 2,
      slots: { total: 8, used: 3 },
      leader: { scheduler: "s1", epoch: 3, since: "2027-01-31T08:00:00Z" },
    },
  },
  broker: {
    url: "nats://127.0.0.1:4222",
    version: "2.14.0",
    storage: { used: 100 },
    streams: [stream],
    missing: [] as string[],
  },
} satisfies Facts;
const broker = (change: Partial<typeof facts.broker>, sync?: Facts["sync"]): Facts => ({
  ...facts,
  broker: { ...facts.broker, ...change },
  sync,
});
const server = (change: object): Facts => ({ ...facts, server: { ...facts.server, ...change } });
const found = (some: Facts, about: string) => diagnose(some).find((one) => one.about === about);

it("finds nothing wrong with a sound installation", () => {
  expect(diagnose(facts).every(({ level }) => level === "ok")).toBe(true);
});

describe("trouble", () => {
  const { leader: _leader, ...leaderless } = facts.server.stats;
  it.each<[string, Facts, string, string, RegExp]>([
    ["no server", { ...facts, server: new Error("gone") }, "server", "error", /gone/],
    ["no broker", { ...facts, broker: new Error("away") }, "broker", "error", /away/],
    ["no leader", server({ stats: leaderless }), "leader", "error", /nothing is placed/],
    [
      "no workers",
      server({ stats: { ...facts.server.stats, workers: 0 } }),
      "workers",
      "warning",
      /millrace worker/,
    ],
    ["clocks apart", server({ aheadMs: -60_000 }), "clock", "warning", /1m/],
    ["a missing stream", broker({ missing: ["MR_LOGS"] }), "streams", "error", /MR_LOGS/],
    [
      "a stream without leader",
      broker({ streams: [{ ...stream, writable: false }] }),
      "streams",
      "error",
      /MR_JOBS/,
    ],
    [
      "a copy behind",
      broker({ streams: [{ ...stream, lagging: 1 }] }),
      "streams",
      "warning",
      /MR_JOBS/,
    ],
    [
      "a full disk",
      broker({ storage: { used: 90, limit: 100 } as { used: number } }),
      "storage",
      "warning",
      /nearly full/,
    ],
  ])("is named: %s", (_name, some, about, level, text) => {
    expect(found(some, about)).toMatchObject({ level, text: expect.stringMatching(text) });
  });
});

describe("durability", () => {
  const three = [{ ...stream, replicas: 3 }];
  it.each<[string, Facts, RegExp]>([
    ["one copy", broker({}), /one copy.*power loss may take the last minutes/],
    ["one copy, known sync", broker({}, { always: false, intervalMs: 120_000 }), /the last 2m/],
    ["one copy, always synced", broker({}, { always: true, intervalMs: 0 }), /survive power loss/],
    ["three copies", broker({ streams: three }), /loss of 1 of 3.*only with sync_interval/],
    [
      "three copies, always synced",
      broker({ streams: three }, { always: true, intervalMs: 0 }),
      /and power loss of all/,
    ],
    ["the weakest stream counts", broker({ streams: [...three, stream] }), /one copy/],
  ])("is put in words: %s", (_name, some, text) => {
    expect(found(some, "durability")?.text).toMatch(text);
  });
});
