// A courier delivers at least once: it tries again, gives up visibly, and never claims more than it has done.
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";

import type { Change } from "../../../../src/scheduler/change-log.ts";
import { runCourier } from "../../../../src/scheduler/webhooks/courier.ts";
import type { Delivery } from "../../../../src/scheduler/webhooks/deliver.ts";
import type { WebhookEvent } from "../../../../src/scheduler/webhooks/event.ts";
import { aborted, deferred } from "../../../../src/shared/io/lifecycle.ts";
import { silentLog } from "../../../../src/shared/io/log.ts";
import type { Webhook } from "../../../../src/shared/webhook.ts";
import { until } from "../../../lab/until.ts";

const hook: Webhook = {
  v: 1,
  url: "https://example.org/",
  secret: "0123456789abcdef",
  enabled: true,
  tries: 3,
  createdAt: 0,
};

const change = (seq: number, changes: Partial<Change> = {}): Change => ({
  seq,
  job: `job${seq}`,
  queue: "default",
  labels: {},
  entries: [{ index: 0, entry: { at: 1_000, what: "submitted", state: "queued" } }],
  ...changes,
});

function stage(of: Partial<Webhook>, changes: Change[], answer: (id: string) => Promise<Delivery>) {
  const stop = new AbortController();
  const kept: number[] = [];
  const buried: string[] = [];
  const sent: WebhookEvent[] = [];
  const over = runCourier(
    {
      hook: { ...hook, ...of },
      after: 0,
      changes: {
        async *follow(_after, signal) {
          yield changes;
          await aborted(signal);
        },
      },
      deliver: async (_hook, event) => {
        sent.push(event);
        return answer(event.id);
      },
      keep: async (after) => void kept.push(after),
      bury: async ({ id }, reason) => void buried.push(`${id} ${reason}`),
      random: () => 0,
      log: silentLog,
      firstWaitMs: 1,
    },
    stop.signal,
  );
  return { stop, kept, buried, sent, over };
}

const taken: Delivery = { ok: true };
const refused: Delivery = { ok: false, reason: "busy" };

test("what failed is tried again, and what always fails is put aside", async () => {
  const tries = new Map<string, number>();
  const { stop, buried, sent, kept, over } = stage({}, [change(5), change(6)], async (id) => {
    const nth = (tries.get(id) ?? 0) + 1;
    tries.set(id, nth);
    return id === "job6.0" || nth < 3 ? refused : taken;
  });
  await until(() => buried.length > 0 && kept.at(-1) === 6, "the courier to be done");
  stop.abort();
  await over;
  expect(sent.map(({ id }) => id).toSorted()).toEqual([
    ...Array.from({ length: 3 }, () => "job5.0"),
    ...Array.from({ length: 3 }, () => "job6.0"),
  ]);
  expect(buried).toEqual(["job6.0 busy"]);
});

test("the position stays before what is open, and what is open is left to the next courier", async () => {
  const late = deferred<Delivery>();
  const { stop, kept, sent, over } = stage({}, [change(5), change(6), change(7)], (id) =>
    id === "job6.0" ? late.promise : Promise.resolve(taken),
  );
  await until(() => sent.length === 3 && kept.at(-1) === 5, "all but one to be done");
  stop.abort();
  late.resolve(refused);
  await over;
  expect(kept.at(-1)).toBe(5);
});

test("a receiver that hangs holds up a bounded number of deliveries", async () => {
  const hanging = deferred<Delivery>();
  const changes = Array.from({ length: 100 }, (_, n) => change(n + 1));
  const { stop, sent, kept, over } = stage({}, changes, () => hanging.promise);
  await until(() => sent.length === 16, "the window to be full");
  await delay(5);
  expect(sent).toHaveLength(16);
  hanging.resolve(taken);
  await until(() => kept.at(-1) === 100, "all to be done");
  stop.abort();
  await over;
  expect(sent).toHaveLength(100);
});

test("only what is wanted is sent, and the position passes over the rest", async () => {
  const entries = [
    { index: 3, entry: { at: 1_000, what: "started", state: "running" } as const },
    { index: 4, entry: { at: 2_000, what: "finished", state: "failed", attempt: 1 } as const },
  ];
  const filter: Partial<Webhook> = { states: ["failed"], queues: ["q"], labels: { team: "a" } };
  const labels = { team: "a", other: "x" };
  const changes = [
    change(1, { queue: "q", labels, entries, definition: "nightly", exitCode: 7 }),
    change(2, { queue: "q", labels: { team: "b" }, entries }),
    change(3, { queue: "elsewhere", labels, entries }),
    change(4, { queue: "q", labels }),
  ];
  const { stop, sent, kept, over } = stage(filter, changes, async () => taken);
  await until(() => kept.at(-1) === 4, "all to be passed over");
  stop.abort();
  await over;
  expect(sent).toEqual([
    {
      id: "job1.4",
      at: "1970-01-01T00:00:02.000Z",
      job: "job1",
      queue: "q",
      labels,
      definition: "nightly",
      what: "finished",
      state: "failed",
      attempt: 1,
      exitCode: 7,
    },
  ]);
});
