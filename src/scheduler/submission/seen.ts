// Waits until this replica's index has heard of a record, so that whoever was told of a job can ask about it at once.
import { MillraceError } from "../../shared/errors.ts";
import { deferred } from "../../shared/io/lifecycle.ts";
import type { Versioned } from "../../shared/io/job-store.ts";
import type { Board } from "../core/board.ts";

const WITHIN_MS = 5_000;

/** Throws `broker_unavailable` when the index stays behind for 5 s, `job_not_found` when the job goes meanwhile. */
export async function awaitSeen(
  view: Pick<Board, "get" | "watch">,
  { record, seq }: Versioned,
): Promise<void> {
  const isSeen = (): boolean => (view.get(record.id)?.seq ?? 0) >= seq;
  if (isSeen()) return;
  const seen = deferred<void>();
  using _watch = view.watch(record.id, ({ gone }) => {
    if (gone) seen.reject(new MillraceError("job_not_found", `Job ${record.id} has gone.`));
    else if (isSeen()) seen.resolve();
  });
  const timer = setTimeout(() => seen.reject(behind()), WITHIN_MS);
  try {
    await seen.promise;
  } finally {
    clearTimeout(timer);
  }
}

const behind = () =>
  new MillraceError("broker_unavailable", "This replica has not heard of the job yet; ask again.", {
    retryAfterS: 1,
  });
