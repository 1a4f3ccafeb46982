// What a webhook is told of.
import { expect, test } from "vitest";

import type { Change } from "../../../../src/scheduler/change-log.ts";
import { eventsOf } from "../../../../src/scheduler/webhooks/event.ts";
import type { Webhook } from "../../../../src/shared/webhook.ts";

const hook: Webhook = {
  v: 1,
  url: "https://example.com",
  enabled: true,
  tries: 1,
  secret: "s".repeat(16),
  createdAt: 0,
};
const change = (namespace?: string): Change => ({
  seq: 1,
  job: "j".repeat(20),
  queue: "default",
  labels: {},
  entries: [{ index: 1, entry: { at: 0, what: "submitted", state: "queued" } }],
  ...(namespace === undefined ? {} : { namespace }),
});

test("a tenant's webhook hears of the tenant's jobs, the installation's of all", () => {
  expect(eventsOf(hook, change("acme"), "acme")).toHaveLength(1);
  expect(eventsOf(hook, change("other"), "acme")).toEqual([]);
  expect(eventsOf(hook, change(), "acme")).toEqual([]);
  expect(eventsOf(hook, change("other"))).toHaveLength(1);
});
