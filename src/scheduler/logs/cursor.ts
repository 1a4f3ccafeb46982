// Where a reader of output stands, as a text that means nothing to anybody else.
import type { Offsets } from "../../shared/chunk.ts";
import { MillraceError } from "../../shared/errors.ts";

export type Position = {
  job: string;
  attempt: number;
  /** Last stream sequence that was read. */
  seq: number;
  /** Number of the chunk that comes next. */
  next: number;
  /** Bytes of each channel that come before it. */
  offsets: Offsets;
  /** True after the attempt's end. */
  ended: boolean;
};

const SHAPE = /^([0-9a-z]+)\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.([01])$/;
const MOST_CHARACTERS = 256;

export function encodeCursor({ job, attempt, seq, next, offsets, ended }: Position): string {
  const { stdout, stderr } = offsets;
  const text = `${job}.${attempt}.${seq}.${next}.${stdout}.${stderr}.${ended ? 1 : 0}`;
  return Buffer.from(text, "latin1").toString("base64url");
}

/** Throws `invalid_cursor` for what was not given out for this job. */
export function decodeCursor(job: string, text: string): Position {
  const plain = Buffer.from(text.slice(0, MOST_CHARACTERS), "base64url").toString("latin1");
  const [, owner, attempt, seq, next, stdout, stderr, ended] = SHAPE.exec(plain) ?? [];
  if (owner !== job)
    throw new MillraceError(
      "invalid_cursor",
      "The cursor is not from this job's output; leave it out to read from the beginning.",
      { field: "from" },
    );
  return {
    job,
    attempt: Number(attempt),
    seq: Number(seq),
    next: Number(next),
    offsets: { stdout: Number(stdout), stderr: Number(stderr) },
    ended: ended === "1",
  };
}
