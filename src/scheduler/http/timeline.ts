// What happened to a job, entry by entry, and where in it a caller stands. Pure.
import { z } from "@hono/zod-openapi";

import type { JobRecord, TimelineEntry } from "../../shared/job.ts";
import { JOB_STATES } from "../../shared/job.ts";
import { decodeCursor, encodeCursor, invalidCursor } from "./cursor.ts";
import { instant, iso } from "./job-view.ts";

export const timelineEntrySchema = z
  .object({
    at: instant,
    what: z
      .string()
      .describe("submitted, started, finished, handed_back, lost, cancelled, expired or retried."),
    state: z.enum(JOB_STATES).describe("The job's state from then on."),
    attempt: z.int().optional(),
    worker: z.string().optional(),
    actor: z.string().optional(),
    reason: z.string().optional(),
  })
  .openapi("TimelineEntry");

export type TimelineEntryView = z.infer<typeof timelineEntrySchema>;

export const entryView = ({ at, ...entry }: TimelineEntry): TimelineEntryView => ({
  at: iso(at),
  ...entry,
});

/** Where one stands: after the `nth` entry of that instant. Entries have no numbers, and only the newest are kept. */
export type Mark = { at: number; nth: number };

/** The entries with the mark behind each. */
export function marked(timeline: readonly TimelineEntry[]): { entry: TimelineEntry; mark: Mark }[] {
  return timeline.map((entry, index) => {
    const nth = timeline.slice(0, index + 1).filter(({ at }) => at === entry.at).length;
    return { entry, mark: { at: entry.at, nth } };
  });
}

/** The entries behind a mark; all that are kept when the mark's entry no longer is. */
export function entriesAfter(timeline: readonly TimelineEntry[], mark: Mark | undefined) {
  const all = marked(timeline);
  const index = all.findIndex(({ mark: own }) => own.at === mark?.at && own.nth === mark.nth);
  return all.slice(index + 1);
}

const scopeOf = (jobId: string) => `timeline ${jobId}`;

export const encodeMark = (jobId: string, { at, nth }: Mark): string =>
  encodeCursor(scopeOf(jobId), [at, nth]);

/** Throws `invalid_cursor` for an event id that this job's timeline cannot have given out. */
export function decodeMark({ id, timeline }: JobRecord, text: string): Mark {
  const value = decodeCursor(scopeOf(id), text, "Last-Event-ID");
  const [at, nth] = Array.isArray(value) ? value : [];
  const newest = Math.max(...timeline.map((entry) => entry.at));
  if (Number.isSafeInteger(at) && Number.isSafeInteger(nth) && at <= newest) return { at, nth };
  throw invalidCursor("Last-Event-ID");
}
