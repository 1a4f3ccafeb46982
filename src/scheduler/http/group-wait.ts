// Waits for a group to be over, woken by the index.
import { deferred } from "../../shared/io/lifecycle.ts";
import type { VersionedGroup } from "../../shared/io/group-store.ts";
import { isOverGroup } from "../../shared/group.ts";
import type { GroupDesk } from "../groups/group-desk.ts";

/** The group when it is over, when time is up, or when the caller has gone or the server stops. Throws `group_not_found`. */
export async function awaitGroup(
  desk: Pick<GroupDesk, "read" | "index">,
  groupId: string,
  withinMs: number,
  ...giveUp: AbortSignal[]
): Promise<VersionedGroup> {
  const over = deferred<void>();
  const end = () => over.resolve();
  using _watch = desk.index.watch((changed) => {
    const known = changed === groupId ? desk.index.get(groupId) : undefined;
    if (known !== undefined && isOverGroup(known.record.state)) end();
  });
  const timer = setTimeout(end, withinMs);
  const gone = AbortSignal.any(giveUp);
  gone.addEventListener("abort", end);
  try {
    // the end may have come before the watch began
    const known = await desk.read(groupId);
    if (isOverGroup(known.record.state) || gone.aborted) return known;
    await over.promise;
    return await desk.read(groupId);
  } finally {
    clearTimeout(timer);
    gone.removeEventListener("abort", end);
  }
}
