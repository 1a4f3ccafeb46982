// Where a reader of output stands, as a text that means nothing to anybody else.
import { MillraceError } from "../../shared/errors.ts";

export type Position = {
  job: string;
  attempt: number;
  /** Last stream sequence that was read. */
  seq: number;
  /** Number of the chunk that comes next. */
  next: number;
  /** True after the attempt's end. */
  ended: boolean;
};

const SHAPE = /^([0-9a-z]+)\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.([01])$/;

export function encodeCursor({ job, attempt, seq, next, ended }: Position): string {
  const text = `${job}.${attempt}.${seq}.${next}.${ended ? 1 : 0}`;
  return Buffer.from(text, "latin1").toString("base64url");
}

/** Throws `invalid_cursor` for what was not given out for this job. */
export function decodeCursor(job: string, text: string): Position {
  const plain = Buffer.from(text.slice(0, 256), "base64url").toString("latin1");
  const [, owner, attempt, seq, next, ended] = SHAPE.exec(plain) ?? [];
  if (owner !== job)
    throw new MillraceError(
      "invalid_cursor",
      "The cursor is not from this job's output; leave it out to read from the beginning.",
      { field: "from" },
    );
  const position = { job, attempt: Number(attempt), seq: Number(seq), next: Number(next) };
  return { ...position, ended: ended === "1" };
}
