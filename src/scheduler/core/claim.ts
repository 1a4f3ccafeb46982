// A claim: one attempt of a job that a worker has, or is being given. It takes the worker's slots until the record says that it is over.
import type { JobEntry } from "./entry.ts";
import type { Row } from "./row.ts";

export type Claim = {
  readonly entry: JobEntry;
  readonly row: Row;
  readonly attempt: number;
  /** Sequence of the record that the attempt was decided on. */
  readonly seq: number;
  /** Sequence of the assignment; absent while its append is under way. */
  assignSeq: number | undefined;
  /** When it was assigned, epoch ms. */
  at: number;
  /** Heartbeats in a row that should have listed the attempt and did not. */
  missed: number;
};

/** True while the record does not contradict the claim. */
export function isLive({
  entry,
  row,
  attempt,
  seq,
}: Omit<Claim, "assignSeq" | "at" | "missed">): boolean {
  if (entry.state === "queued") return attempt === entry.attempt + 1 && seq === entry.seq;
  return entry.state === "running" && attempt === entry.attempt && row.id === entry.worker;
}
