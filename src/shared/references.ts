// Which stored files a record needs for as long as it is kept itself.
import { isDigest, type Digest } from "./file.ts";
import type { GroupRecord } from "./group.ts";
import type { JobRecord } from "./job.ts";
import type { JobSpec } from "./spec.ts";

export const filesOfJob = ({ spec }: Pick<JobRecord, "spec">): Digest[] => filesOfSpec(spec);

/** Of the jobs that it is still to make. */
export const filesOfGroup = ({ spec }: Pick<GroupRecord, "spec">): Digest[] =>
  spec.members.flatMap((member) => filesOfSpec(member.spec));

const filesOfSpec = ({ bundle }: JobSpec): Digest[] =>
  bundle !== undefined && isDigest(bundle) ? [bundle] : [];
