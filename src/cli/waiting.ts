// Tells a person at a terminal what a job waits for.
import { isFinal } from "../shared/job.ts";
import { every } from "../shared/io/lifecycle.ts";
import type { Api } from "../client/api.ts";
import { clip, shortDuration } from "./display.ts";
import { getJob, jobPath } from "../client/jobs.ts";
import type { Terminal } from "./terminal.ts";
import { summarize, type Why } from "./why.ts";

const LOOK_EVERY_MS = 1_000;

/** Shows a line that says why the job has not started, until it has or the signal aborts. Silent in a pipe. */
export async function showWaiting(
  api: Api,
  id: string,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  if (!terminal.interactive) return;
  const began = performance.now();
  const started = new AbortController();
  const over = AbortSignal.any([signal, started.signal]);
  await every(LOOK_EVERY_MS, over, async () => {
    const line = await waitingFor(api, id, over).catch(() => "the server does not answer");
    if (line === undefined) started.abort();
    else if (!over.aborted)
      terminal.status(
        clip(`${shortDuration(performance.now() - began)} waiting: ${line}`, terminal.width - 1),
      );
  });
  terminal.status(undefined);
}

async function waitingFor(api: Api, id: string, signal: AbortSignal): Promise<string | undefined> {
  const job = await getJob(api, id, signal);
  if (job.state === "running" || isFinal(job.state)) return undefined;
  return summarize(await api.call<Why>(`${jobPath(id)}/why`, { signal }));
}
