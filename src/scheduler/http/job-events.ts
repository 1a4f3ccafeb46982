// What happened to one job: its timeline as JSON, or each change as it comes.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { isFinal, type JobRecord } from "../../shared/job.ts";
import { createBell } from "../bell.ts";
import { problems } from "./answers.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { jobParams } from "./ids.ts";
import { readJob } from "./jobs.ts";
import { sseEvent, SSE_TYPE, streamAnswer, wantsEvents } from "./streaming.ts";
import {
  decodeMark,
  encodeMark,
  entriesAfter,
  entryView,
  timelineEntrySchema,
  type Mark,
} from "./timeline.ts";

const eventsRoute = createRoute({
  method: "get",
  path: "/v1/jobs/{id}/events",
  summary: "What happened to the job",
  description:
    "With `Accept: text/event-stream` each change comes as an event `change`, and after the final one an event `end`; `Last-Event-ID` continues.",
  request: { params: jobParams },
  responses: {
    200: {
      description: "The newest entries of the timeline, oldest first; or the stream of them.",
      content: {
        "application/json": { schema: z.object({ events: z.array(timelineEntrySchema) }) },
        [SSE_TYPE]: { schema: z.string() },
      },
    },
    204: { description: "The job has ended and everything was told: do not connect again." },
    ...problems(404, 410),
  },
});

export function createJobEventRoutes(deps: HttpDeps) {
  return new OpenAPIHono<HttpEnv>().openapi(eventsRoute, async (c) => {
    const { id } = c.req.valid("param");
    const { record } = await readJob(deps, id);
    if (!wantsEvents(c)) return c.json({ events: record.timeline.map(entryView) }, 200);

    const last = c.req.header("last-event-id");
    const mark = last === undefined ? undefined : decodeMark(record, last);
    if (isFinal(record.state) && entriesAfter(record.timeline, mark).length === 0)
      return c.body(null, 204);
    const stop = new AbortController();
    return streamAnswer(c, deps, SSE_TYPE, { pieces: follow(deps, id, mark, stop.signal), stop });
  });
}

async function* follow(
  deps: HttpDeps,
  jobId: string,
  from: Mark | undefined,
  signal: AbortSignal,
): AsyncGenerator<string> {
  using bell = createBell(signal);
  let newest: JobRecord | undefined;
  let isGone = false;
  using _watch = deps.view.watch(jobId, ({ record, gone }) => {
    newest = record ?? newest;
    isGone = gone;
    bell.ring();
  });
  let record = (await readJob(deps, jobId)).record;
  let mark = from;
  while (!signal.aborted) {
    const fresh = entriesAfter(record.timeline, mark);
    mark = fresh.at(-1)?.mark ?? mark;
    if (fresh.length > 0)
      yield fresh
        .map(({ entry, mark: own }) => sseEvent("change", entryView(entry), encodeMark(jobId, own)))
        .join("");
    if (isGone || isFinal(record.state)) return yield sseEvent("end", { state: record.state });
    await bell.wait();
    record = newest ?? record;
  }
}
