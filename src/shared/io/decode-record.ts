// Reads a job's record out of a message of its subject.
import type { JobRecord } from "../job.ts";
import { decodeRecord } from "../messages.ts";
import { afterTokens } from "../subjects.ts";
import { textOf, type Stored } from "./wire.ts";

/** Undefined for what a removal left behind, and for what is no record, or that of another job. */
export function recordIn(stored: Stored): JobRecord | undefined {
  if (stored.removed) return undefined;
  const record = decodeRecord(textOf(stored));
  return record?.id === afterTokens(stored.subject, 2) ? record : undefined;
}
