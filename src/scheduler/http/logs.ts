// A job's output: as text, NDJSON or server-sent events; live, replayed, or both.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";

import { CHANNELS } from "../../shared/chunk.ts";
import { parseDuration } from "../../shared/durations.ts";
import { date } from "../../shared/fields.ts";
import { pause } from "../../shared/io/lifecycle.ts";
import type { LogEntry } from "../logs/entry.ts";
import type { LogQuery } from "../logs/log-reader.ts";
import { batchesOf, renderNdjson, renderSse, renderText } from "../logs/render.ts";
import { awaitSeen } from "../submission/seen.ts";
import { problems } from "./answers.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { jobParams } from "./ids.ts";
import { readJob } from "./jobs.ts";
import { NDJSON_TYPE, SSE_TYPE, streamAnswer, wantsEvents } from "./streaming.ts";

const TEXT_TYPE = "text/plain; charset=utf-8";
const TYPES = { text: TEXT_TYPE, ndjson: NDJSON_TYPE, sse: SSE_TYPE } as const;
type Format = keyof typeof TYPES;

const logQuery = z.strictObject({
  attempt: z
    .string()
    .regex(/^(?:latest|all|[1-9]\d{0,5})$/, "must be latest, all or an attempt's number")
    .optional()
    .describe("Default latest. While following, latest and all go on to later attempts."),
  channel: z.enum(CHANNELS).optional().describe("Default both, in the order they were read."),
  tail: z
    .string()
    .regex(/^\d{1,6}$/, "must be a number of lines up to 999999")
    .optional()
    .describe("Only the last lines."),
  since: z
    .string()
    .refine(
      (text) => parseDuration(text) !== undefined || date.safeParse(text).success,
      "must be an instant as 2027-01-31T08:00:00Z, or a duration as 10m",
    )
    .optional()
    .describe("Only what was written at this instant or later, or within this long."),
  from: z.string().max(512).optional().describe("Continues after the entry that bore this cursor."),
  follow: z
    .enum(["", "true", "1", "false", "0"])
    .optional()
    .describe("Go on until the job has ended."),
  format: z
    .enum(["text", "ndjson", "sse"])
    .optional()
    .describe("Default: what Accept asks for, else text."),
});

const logsRoute = createRoute({
  method: "get",
  path: "/v1/jobs/{id}/logs",
  summary: "Read the job's output",
  description:
    "Text is the raw bytes. NDJSON and events say of each chunk its attempt, channel, offset, instant and cursor; `base64` stands for bytes that are not UTF-8 by themselves. Bytes that had to be dropped are an entry `gap`, the end of an attempt is an entry `end`. `Last-Event-ID` continues a stream of events.",
  request: { params: jobParams, query: logQuery },
  responses: {
    200: {
      description: "The output.",
      content: {
        "text/plain": { schema: z.string() },
        [NDJSON_TYPE]: { schema: z.string() },
        [SSE_TYPE]: { schema: z.string() },
      },
    },
    204: { description: "Events: the job has ended and everything was told." },
    ...problems(404, 410),
  },
});

export function createLogRoutes(deps: HttpDeps) {
  const { logs, clock, view } = deps;

  return new OpenAPIHono<HttpEnv>().openapi(logsRoute, async (c) => {
    const { id } = c.req.valid("param");
    const query = c.req.valid("query");
    await awaitSeen(view, await readJob(deps, id));
    const format = query.format ?? formatOf(c);
    const from = (format === "sse" ? c.req.header("last-event-id") : undefined) ?? query.from;
    const asked = toLogQuery(id, query, clock.now(), from);

    const stop = new AbortController();
    const entries = logs.read(asked, stop.signal);
    const first = entries.next();
    // what is wrong with the request shows before anything is waited for
    const known = await Promise.race([first, ...(asked.follow ? [pause(0)] : [])]);
    if (format === "sse" && known?.done) return c.body(null, 204);
    const pieces = render(first, entries, format);
    return streamAnswer(c, deps, TYPES[format], { pieces, stop });
  });
}

function formatOf(c: Context): Format {
  if (wantsEvents(c)) return "sse";
  return c.req.header("accept")?.includes("ndjson") ? "ndjson" : "text";
}

function toLogQuery(
  job: string,
  { attempt = "latest", channel, tail, since, follow }: z.infer<typeof logQuery>,
  now: number,
  from: string | undefined,
): LogQuery {
  return {
    job,
    attempt: attempt === "latest" || attempt === "all" ? attempt : Number(attempt),
    follow: follow === "" || follow === "true" || follow === "1",
    ...(channel === undefined ? {} : { channel }),
    ...(tail === undefined ? {} : { tail: Number(tail) }),
    ...(since === undefined ? {} : { since: instantOf(since, now) }),
    ...(from === undefined ? {} : { from }),
  };
}

function instantOf(text: string, now: number): number {
  const ms = parseDuration(text);
  return ms === undefined ? Date.parse(text) : now - ms;
}

async function* render(
  first: Promise<IteratorResult<LogEntry[]>>,
  entries: AsyncGenerator<LogEntry[]>,
  format: Format,
): AsyncGenerator<string | Uint8Array> {
  try {
    for (let step = await first; !step.done; step = await entries.next())
      for (const batch of batchesOf(step.value)) {
        const piece = renderAll(batch, format);
        if (piece.length > 0) yield piece;
      }
  } finally {
    await entries.return(undefined);
  }
}

function renderAll(entries: readonly LogEntry[], format: Format): string | Uint8Array {
  switch (format) {
    case "sse":
      return entries.map(renderSse).join("");
    case "ndjson":
      return entries.map(renderNdjson).join("");
    case "text":
      return entries.length === 1
        ? renderText(entries[0]!)
        : Buffer.concat(entries.map(renderText));
  }
}
