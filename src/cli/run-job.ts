// Follows a submitted job to its end: output as it comes, Ctrl-C cancels, a second one leaves.
import { aborted } from "../shared/io/lifecycle.ts";
import type { Api } from "../client/api.ts";
import { EXIT, exitCodeOf, signalCode } from "./exit-codes.ts";
import { followLogs } from "../client/follow.ts";
import { type Interrupt, onInterrupt } from "./interrupts.ts";
import { outcomeText } from "./job-lines.ts";
import { awaitEnd, cancel } from "../client/jobs.ts";
import { showLogs } from "./show-logs.ts";
import type { Terminal } from "./terminal.ts";
import type { JobView } from "./views.ts";
import { showWaiting } from "./waiting.ts";

export type FollowedJob = {
  api: Api;
  id: string;
  terminal: Terminal;
  json: boolean;
  /** Aborts when the server that we brought along is gone. */
  gone?: AbortSignal;
  /** What becomes of a job that is left, for people. */
  afterwards: string;
};

/** Resolves to the exit code that stands for the job's end. */
export async function followToEnd(followed: FollowedJob): Promise<number> {
  const { api, id, terminal, json, gone, afterwards } = followed;
  const leaving = new AbortController();
  const stop = gone === undefined ? leaving.signal : AbortSignal.any([leaving.signal, gone]);
  let interrupt: Interrupt | "SIGPIPE" | undefined;

  async function askToCancel(reason: Interrupt | "SIGPIPE"): Promise<void> {
    interrupt = reason;
    terminal.note(`millrace: cancelling ${id}; once more leaves it`);
    await cancel(api, id, `Stopped by ${reason}.`).catch((error: Error) => {
      if (!stop.aborted) terminal.note(`millrace: ${error.message}`);
    });
  }

  using _interrupts = onInterrupt((signal, count) => {
    if (count === 1) void askToCancel(signal);
    else leaving.abort();
  });
  const unread = () => void askToCancel("SIGPIPE");
  terminal.unread.addEventListener("abort", unread, { once: true });

  const whole = Promise.all([
    awaitEnd(api, id, stop),
    showLogs(followLogs(api, id, { attempt: "all" }, stop), terminal, json),
  ]);
  const waiting = showWaiting(api, id, terminal, stop);
  try {
    const ended = await Promise.race([whole, aborted(stop)]);
    gone?.throwIfAborted();
    if (ended === undefined) {
      terminal.note(`millrace: left job ${id}; ${afterwards}`);
      return EXIT.detached;
    }
    return await reportEnd(ended[0], followed, interrupt);
  } finally {
    terminal.unread.removeEventListener("abort", unread);
    leaving.abort();
    // what fails from here on has been told, or is the leaving
    await Promise.allSettled([whole, waiting]);
  }
}

async function reportEnd(
  job: JobView,
  { terminal, json }: FollowedJob,
  interrupt: string | undefined,
): Promise<number> {
  const interrupted = interrupt !== undefined && job.state === "cancelled";
  const exitCode = interrupted ? signalCode(interrupt) : exitCodeOf(job);
  if (json) await terminal.printJson({ kind: "finished", exitCode, job });
  else if (job.outcome !== "exited" && !interrupted)
    terminal.note(`millrace: job ${job.id} ${[outcomeText(job), ...whyItEnded(job)].join(": ")}`);
  return exitCode;
}

/** The reason, where the outcome does not say it all. */
function whyItEnded({ outcome, reason }: JobView): string[] {
  const plain = outcome === "timed_out" || outcome === "signalled" || outcome === "cancelled";
  return plain || reason === undefined ? [] : [reason];
}
