// Everything that happens to all jobs, as it happens.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { MillraceError } from "../../shared/errors.ts";
import { createChangeLog, type Change, type ChangeLog } from "../change-log.ts";
import { bears } from "../core/listing.ts";
import { problems } from "./answers.ts";
import { invalidCursor } from "./cursor.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { jobsParameter, labelOf, labelParameter, nameText, stateParameter } from "./job-filters.ts";
import { sseEvent, SSE_TYPE, streamAnswer } from "./streaming.ts";
import { entryView } from "./timeline.ts";

const filterQuery = z.strictObject({
  state: stateParameter.describe("What the job changed to."),
  queue: nameText.optional(),
  definition: nameText.optional(),
  label: labelParameter,
  jobs: jobsParameter,
});

/** What the caller asked for, within what the caller may see. */
type Filter = z.infer<typeof filterQuery> & { namespace?: string | undefined };

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
  const log = createChangeLog({ ...deps, behind: "newest" });

  /** Sequence after which to go on. */
  async function positionOf(lastEventId: string): Promise<number> {
    const position = /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : Infinity;
    const { lastSeq } = await broker.streamState(broker.subjects.jobs.stream);
    if (position > lastSeq) throw invalidCursor("Last-Event-ID");
    return position;
  }

  return new OpenAPIHono<HttpEnv>().openapi(eventsRoute, async (c) => {
    const filter = { ...c.req.valid("query"), namespace: c.get("caller").namespace };
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
    const text = changes.map((change) => render(change, filter)).join("");
    if (text !== "") yield text;
  }
}

/** The events of a change that pass; only the last carries the id, since whoever has that one has them all. */
function render(change: Change, filter: Filter): string {
  const { seq, job, queue, labels, definition, entries } = change;
  if (!isOwn(change, filter) || !isWanted(change, filter)) return "";
  const wanted = entries.filter(({ entry }) => (filter.state ?? entry.state) === entry.state);
  return wanted
    .map(({ entry }, place) => {
      const id = place === wanted.length - 1 ? String(seq) : undefined;
      const event = { job, queue, labels, definition, ...entryView(entry) };
      return sseEvent("change", event, id);
    })
    .join("");
}

const isOwn = (change: Change, { namespace }: Filter): boolean =>
  namespace === undefined || change.namespace === namespace;

function isWanted(change: Change, { queue, definition, label, jobs }: Filter): boolean {
  return (
    (queue === undefined || change.queue === queue) &&
    (definition === undefined || change.definition === definition) &&
    (jobs === undefined || jobs.has(change.job)) &&
    (label === undefined || bears(change.labels, labelOf(label)))
  );
}
