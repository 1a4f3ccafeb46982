// What has to be known before a job is accepted: how its queue is set up, how full it is, who bears its keys.
import type { QueueSettings } from "../../shared/queue-settings.ts";
import { scopedKey } from "./entry.ts";
import type { Tables } from "./tables.ts";
import type { Uniques } from "./uniques.ts";

/** An unfinished job that bears a key. */
export type Bearer = { id: string; submittedAt: number };

export function createSubmitFacts(tables: Tables, uniques: Uniques) {
  return {
    queueSettings: (queue: string): QueueSettings | undefined => tables.queues.get(queue)?.settings,
    /** Jobs of the queue that wait. */
    /** Jobs of a tenant that are not over. */
    unfinishedOf: (namespace: string): number => tables.unfinished.get(namespace)?.size ?? 0,
    waitingIn: (queue: string): number => tables.queues.get(queue)?.depth.queued ?? 0,
    /** Unfinished jobs of the queue that bear the key, in the order in which they were first seen. */
    bearersOf(queue: string, key: string, namespace?: string): Bearer[] {
      const open = tables.queues.get(queue)?.keys.get(scopedKey(key, namespace))?.open ?? [];
      return [...open]
        .toSorted((a, b) => a.first - b.first)
        .map(({ id, submittedAt }) => ({ id, submittedAt }));
    },
    /** The job that stands for the unique key at an instant (epoch ms). */
    uniqueHolder: (key: string, at: number, namespace?: string): string | undefined =>
      uniques.holder(scopedKey(key, namespace), at)?.id,
    /** The job that this one is a duplicate of by its unique key. */
    originalOf(id: string): string | undefined {
      const entry = tables.jobs.get(id);
      return entry && uniques.originalOf(entry)?.id;
    },
  };
}
