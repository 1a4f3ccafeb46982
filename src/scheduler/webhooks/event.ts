// What a webhook is told of a change. Pure.
import type { JobState, TimelineEntry } from "../../shared/job.ts";
import type { Webhook } from "../../shared/webhook.ts";
import type { Change } from "../change-log.ts";
import { bears } from "../core/listing.ts";

/** `id` names the event for good: the job and the number of the entry in its timeline. Told twice, it has the same id. */
export type WebhookEvent = {
  id: string;
  /** ISO 8601. */
  at: string;
  job: string;
  queue: string;
  labels: Readonly<Record<string, string>>;
  definition?: string;
  what: TimelineEntry["what"];
  state: JobState;
  attempt?: number;
  worker?: string;
  actor?: string;
  reason?: string;
  /** Of the newest attempt, on the change that ends the job. */
  exitCode?: number;
};

/** The events of a change that the webhook wants, oldest first; one of a tenant is told of the tenant's own jobs only. */
export function eventsOf(hook: Webhook, change: Change, namespace?: string): WebhookEvent[] {
  if (namespace !== undefined && change.namespace !== namespace) return [];
  if (!wants(hook, change)) return [];
  const { job, queue, labels, definition, exitCode, entries } = change;
  return entries
    .filter(({ entry }) => hook.states?.includes(entry.state) ?? true)
    .map(({ index, entry: { at, ...entry } }) => ({
      id: `${job}.${index}`,
      at: new Date(at).toISOString(),
      job,
      queue,
      labels,
      ...(definition === undefined ? {} : { definition }),
      ...entry,
      ...(entry.what === "finished" && exitCode !== undefined ? { exitCode } : {}),
    }));
}

function wants({ queues, definitions, labels = {} }: Webhook, change: Change): boolean {
  return (
    (queues?.includes(change.queue) ?? true) &&
    (definitions?.includes(change.definition ?? "") ?? true) &&
    Object.entries(labels).every(([key, value]) => bears(change.labels, { key, value }))
  );
}
