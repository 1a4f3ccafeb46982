// What ids and names look like: everything that may become part of a broker subject is checked here first.
import { MillraceError } from "./errors.ts";

/** Alphabet and length of the ids that Millrace gives out; no character of it means anything to the broker or a shell. */
export const ID_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
export const JOB_ID_LENGTH = 20;
export const WORKER_SUFFIX_LENGTH = 8;

const JOB_ID = /^[0-9a-z]{20}$/;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$/;
const WORKER_ID = /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62})-[0-9a-z]{8}$/;
const PREFIX = /^[a-z][a-z0-9]{0,15}$/;
const LABEL_KEY = /^[A-Za-z](?:[A-Za-z0-9_./-]{0,62}[A-Za-z0-9])?$/;

export const isJobId = (text: string): boolean => JOB_ID.test(text);
/** Names of queues, workers and keys of handlers: 1-64 letters, digits, `-` and `_`, starting and ending with a letter or digit. */
export const isName = (text: string): boolean => NAME.test(text);
export const isWorkerId = (text: string): boolean => WORKER_ID.test(text);
export const isLabelKey = (text: string): boolean => LABEL_KEY.test(text);
/** The namespace of an installation on a shared broker: 1-16 lower-case letters and digits. */
export const isPrefix = (text: string): boolean => PREFIX.test(text);

export function requireJobId(text: string): string {
  if (isJobId(text)) return text;
  throw new MillraceError(
    "invalid_id",
    "A job id has 20 lower-case letters and digits, as POST /v1/jobs returned it.",
    { field: "id" },
  );
}

export function requireWorkerId(text: string): string {
  if (isWorkerId(text)) return text;
  throw new MillraceError(
    "invalid_id",
    "A worker id is <name>-<8 characters>, as GET /v1/workers lists it.",
    { field: "id" },
  );
}

/** The name part of a worker id: `<name>-<suffix>`. */
export const workerName = (workerId: string): string =>
  workerId.slice(0, -(WORKER_SUFFIX_LENGTH + 1));
