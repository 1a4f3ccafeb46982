// Reads a job's output from the server, and goes on where it was when the connection breaks.
import { MillraceError } from "../shared/errors.ts";
import { pause } from "../shared/io/lifecycle.ts";
import { isFinal } from "../shared/job.ts";
import type { Api, Call } from "./api.ts";
import { getJob, jobPath } from "./jobs.ts";
import type { LogEntry } from "./log-entries.ts";
import { readNdjson } from "./ndjson.ts";
import { persistently } from "./persistence.ts";

export type LogQuery = {
  attempt?: number | "latest" | "all";
  channel?: string;
  tail?: number;
  since?: string;
  from?: string;
};

/** Between two streams that the server ended early. */
const RESUME_WAIT_MS = 200;

/** The output so far. */
export async function* readLogs(
  api: Api,
  id: string,
  query: LogQuery,
  signal: AbortSignal,
): AsyncIterable<LogEntry> {
  yield* readNdjson<LogEntry>(await openLogs(api, id, { ...query }, signal));
}

/** The output until the job is final, or the one attempt that was asked for is over, without gap or repeat, however often the connection breaks. */
export async function* followLogs(
  api: Api,
  id: string,
  query: LogQuery,
  signal: AbortSignal,
): AsyncIterable<LogEntry> {
  let from = query.from;
  let endedAttempt = 0;
  for (let overBefore = false; ;) {
    try {
      // what chose the beginning must not choose again where it goes on
      const where =
        from === undefined ? query : { ...query, tail: undefined, since: undefined, from };
      const open = () => openLogs(api, id, { ...where, follow: "true" }, signal);
      for await (const entry of readNdjson<LogEntry>(await persistently(signal, open))) {
        from = entry.cursor;
        if (entry.kind === "end") endedAttempt = entry.attempt;
        yield entry;
      }
    } catch (error) {
      if (!isBreak(error)) throw error;
    }
    signal.throwIfAborted();
    if (endedAttempt === query.attempt) return;
    const job = await persistently(signal, () => getJob(api, id, signal));
    if (isFinal(job.state) && (endedAttempt >= job.attempt || overBefore)) return;
    overBefore = isFinal(job.state);
    await pause(RESUME_WAIT_MS, signal);
  }
}

function openLogs(
  api: Api,
  id: string,
  query: NonNullable<Call["query"]>,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  return api.open(`${jobPath(id)}/logs`, "application/x-ndjson", { query, signal });
}

/** True when a stream ended in the middle: by a lost connection, or in the middle of a line. */
function isBreak(error: unknown): boolean {
  return error instanceof SyntaxError || (error instanceof MillraceError && error.retryable);
}
