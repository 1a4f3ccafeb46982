// Every stored file that something needs: a job, a group that is to make jobs, or a version of a bundle.
import type { Bundle } from "../../shared/bundle.ts";
import { isDigest, type Digest } from "../../shared/file.ts";
import type { Shelf } from "../config-book.ts";
import type { GroupIndex } from "../groups/group-index.ts";

export type References = () => AsyncIterable<Digest>;

/** In no order, some of them several times. `jobs` yields what the jobs need. */
export function createReferences(deps: {
  jobs: References;
  groups: Pick<GroupIndex, "known">;
  bundles: Pick<Shelf<Bundle>, "entries">;
}): References {
  const { jobs, groups, bundles } = deps;
  return async function* references() {
    // before the jobs: what a group needs at first, its jobs need later
    for (const { record } of groups.known())
      for (const { spec } of record.spec.members)
        if (spec.bundle !== undefined && isDigest(spec.bundle)) yield spec.bundle;
    for (const { value } of bundles.entries())
      for (const { digest } of value.versions) yield digest;
    yield* jobs();
  };
}
