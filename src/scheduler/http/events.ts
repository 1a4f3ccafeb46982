// Everything that happens to all jobs, as it happens.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { MillraceError } from "../../shared/errors.ts";
import { JOB_STATES } from "../../shared/job.ts";
import { isName } from "../../shared/names.ts";
import { problems } from "./answers.ts";
import { createChangeLog, type Change, type ChangeLog } from "./change-log.ts";
import { invalidCursor } from "./cursor.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { sseEvent, SSE_TYPE, streamAnswer } from "./streaming.ts";
import { entryView } from "./timeline.ts";

const filterQuery = z.strictObject({
  state: z.enum(JOB_STATES).optional(),
  queue: z.string().refine(isName, "must be a name").optional(),
});

type Filter = z.infer<typeof filterQuery>;

const eventsRoute = createRoute({
  method: "get",
  path: "/v1/events",
  summary: "Follow the changes of all jobs",
  description:
    "Events `change` with ids that `Last-Event-ID` takes. Whoever was away for long gets the newest change of each job that changed meanwhile; those it went through in between are no longer kept.",
  request: { query: filterQuery },
  responses: {
    200: { description: "The stream.", content: { [SSE_TYPE]: { schema: z.string() } } },
    ...problems(),
  },
});

export function createEventRoutes(deps: HttpDeps) {
  const { broker, ready } = deps;
  const log = createChangeLog(deps);

  /** Sequence after which to go on. */
  async function positionOf(lastEventId: string): Promise<number> {
    const position = /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : Infinity;
    const { lastSeq } = await broker.streamState(broker.subjects.jobs.stream);
    if (position > lastSeq) throw invalidCursor("Last-Event-ID");
    return position;
  }

  return new OpenAPIHono<HttpEnv>().openapi(eventsRoute, async (c) => {
    const filter = c.req.valid("query");
    if (!ready())
      throw new MillraceError(
        "broker_unavailable",
        "This replica is still reading; connect again.",
      );
    const last = c.req.header("last-event-id");
    const after = last === undefined ? undefined : await positionOf(last);
    const stop = new AbortController();
    return streamAnswer(c, deps, SSE_TYPE, {
      pieces: follow(log, filter, after, stop.signal),
      stop,
    });
  });
}

async function* follow(
  log: ChangeLog,
  filter: Filter,
  after: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<string> {
  for await (const changes of log.follow(after, signal)) {
    const wanted = changes.filter((change) => isWanted(change, filter));
    if (wanted.length > 0) yield wanted.map(render).join("");
  }
}

const isWanted = ({ entry, queue: own }: Change, { state, queue }: Filter): boolean =>
  (state === undefined || entry.state === state) && (queue === undefined || own === queue);

const render = ({ seq, job, queue, labels, entry }: Change): string =>
  sseEvent("change", { job, queue, labels, ...entryView(entry) }, String(seq));
