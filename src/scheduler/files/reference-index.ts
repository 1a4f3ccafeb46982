// Which stored files are needed, as far as this replica knows: by jobs, by groups and by versions of bundles.
import type { Bundle } from "../../shared/bundle.ts";
import type { Digest } from "../../shared/file.ts";
import { filesOfGroup, filesOfJob } from "../../shared/references.ts";
import type { Shelf } from "../config-book.ts";
import type { Board } from "../core/board.ts";
import type { GroupIndex } from "../groups/group-index.ts";

export type ReferenceIndex = {
  /** Every needed file, some more than once. */
  all(): Iterable<Digest>;
};

/** To be called before the replica, the book and the feed of groups run. */
export function createReferenceIndex(deps: {
  board: Pick<Board, "watch">;
  groups: Pick<GroupIndex, "watch" | "get">;
  bundles: Pick<Shelf<Bundle>, "entries">;
}): ReferenceIndex {
  const { board, groups, bundles } = deps;
  /** By job or group; most need none and are not in it. */
  const needs = new Map<string, readonly Digest[]>();

  function note(id: string, digests: readonly Digest[]): void {
    if (digests.length > 0) needs.set(id, digests);
    else needs.delete(id);
  }

  board.watch("*", ({ id, record, gone }) => {
    if (gone) needs.delete(id);
    else if (record !== undefined) note(id, filesOfJob(record));
  });
  groups.watch((id) => {
    const known = groups.get(id);
    note(id, known === undefined ? [] : filesOfGroup(known.record));
  });

  return {
    *all() {
      for (const digests of needs.values()) yield* digests;
      for (const { value } of bundles.entries())
        for (const { digest } of value.versions) yield digest;
    },
  };
}
