// Waits for a job to reach its end, woken by the index, never by looking again and again.
import { deferred } from "../../shared/io/lifecycle.ts";
import type { Versioned } from "../../shared/io/job-store.ts";
import { isFinal } from "../../shared/job.ts";
import type { HttpDeps } from "./deps.ts";

/** Resolves with the final record; with undefined when time is up, the caller or the job is gone, or the server stops. */
export type AwaitFinal = (
  jobId: string,
  withinMs: number,
  caller: AbortSignal,
) => Promise<Versioned | undefined>;

export function createAwaitFinal(deps: Pick<HttpDeps, "store" | "view" | "closing">): AwaitFinal {
  const { store, view, closing } = deps;
  return async (jobId, withinMs, caller) => {
    const ended = deferred<Versioned | undefined>();
    const giveUp = () => ended.resolve(undefined);
    using _watch = view.watch(jobId, ({ record, seq, gone }) => {
      if (gone) giveUp();
      else if (record !== undefined && isFinal(record.state)) ended.resolve({ record, seq });
    });
    const timer = setTimeout(giveUp, withinMs);
    for (const signal of [caller, closing]) {
      signal.addEventListener("abort", giveUp);
      if (signal.aborted) giveUp();
    }
    try {
      // the end may have come before the watch began
      const known = await store.read(jobId);
      if (known === undefined || isFinal(known.record.state)) return known;
      return await ended.promise;
    } finally {
      clearTimeout(timer);
      for (const signal of [caller, closing]) signal.removeEventListener("abort", giveUp);
    }
  };
}
