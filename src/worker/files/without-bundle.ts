// What it means for an attempt that its bundle could not be had: pure.
import { hasCode, MillraceError } from "../../shared/errors.ts";
import { isDigest, type Digest } from "../../shared/file.ts";
import type { RunEnd } from "../verdict.ts";

/** Schedulers put the digest in a bundle's place; throws `file_not_found` for what is none. */
export function requireDigest(bundle: string): Digest {
  if (isDigest(bundle)) return bundle;
  throw new MillraceError("file_not_found", `${bundle} is no digest; submit the job anew.`);
}

/** What is gone or broken fails the job; what could not be had just now says more about this worker, or its way to the broker. */
export function withoutBundle(digest: string, error: unknown, isStopped: boolean): RunEnd {
  if (isStopped)
    return { kind: "not_started", reason: "It was stopped while its bundle was fetched." };
  if (hasCode(error, "file_not_found"))
    return failed(`its bundle ${digest} was removed; push it again and submit the job anew`);
  if (hasCode(error, "file_damaged", "invalid_archive"))
    return failed(`its bundle cannot be unpacked: ${error.message}`);
  const why = error instanceof Error ? error.message : String(error);
  return { kind: "lost", reason: `Its bundle could not be fetched: ${why}` };
}

const failed = (reason: string): RunEnd => ({
  kind: "ended",
  ending: { outcome: "spawn_failed", reason },
});
