// What the reader of output must know about jobs, answered from the board.
import { isFinal } from "../shared/job.ts";
import type { Board } from "./core/board.ts";
import type { LogView } from "./logs/view.ts";

/** A job that is gone has ended, and so have its attempts. */
export function createLogView(board: Pick<Board, "get" | "watch">): LogView {
  return {
    attemptEnded(job, attempt) {
      const view = board.get(job);
      return (
        view === undefined ||
        attempt < view.attempt ||
        (attempt === view.attempt && view.state !== "running")
      );
    },
    latestAttempt: (job) => board.get(job)?.attempt ?? 0,
    jobFinished(job) {
      const view = board.get(job);
      return view === undefined || isFinal(view.state);
    },
    watch: (job, listener) => board.watch(job, listener),
  };
}
