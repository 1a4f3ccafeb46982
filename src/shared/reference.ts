// Values that are too large for a record: kept as files, which the record names.
import { isDigest, type Digest } from "./digest.ts";
import type { JobRecord } from "./job.ts";
import type { JobSpec } from "./spec.ts";

export type Reference = { digest: Digest; bytes: number };

/** What of a job may be too large for its record. */
export const LARGE_PARTS = ["input", "stdin", "result"] as const;
export type LargePart = (typeof LARGE_PARTS)[number];
export type References = { [part in LargePart]?: Reference };

/** What is larger stands in a file of its own. */
export const INLINE_BYTES = 65_536;
/** The largest value. */
export const MAX_VALUE_BYTES = 4_194_304;

/** A part as its file holds it: standard input as it is, the others as JSON. */
export type LargeText = { part: "input" | "stdin"; text: string; bytes: number };

/** The parts of a spec that are too large to stand in a record. */
export function largeTexts({ input, stdin }: Pick<JobSpec, "input" | "stdin">): LargeText[] {
  const texts = { input: input === undefined ? undefined : JSON.stringify(input), stdin };
  return (["input", "stdin"] as const).flatMap((part) => {
    const text = texts[part];
    const bytes = text === undefined ? 0 : Buffer.byteLength(text);
    return text !== undefined && bytes > INLINE_BYTES ? [{ part, text, bytes }] : [];
  });
}

/** The record with these parts of its spec named instead of being there. */
export function withReferences(record: JobRecord, references: References): JobRecord {
  const spec = { ...record.spec };
  if (references.input !== undefined) delete spec.input;
  if (references.stdin !== undefined) delete spec.stdin;
  return { ...record, spec, references: { ...record.references, ...references } };
}

/** A job with a part in its place. */
export function withPart<T extends { spec: JobSpec; result?: unknown }>(
  job: T,
  part: LargePart,
  text: string,
): T {
  switch (part) {
    case "stdin":
      return { ...job, spec: { ...job.spec, stdin: text } };
    case "input":
      return { ...job, spec: { ...job.spec, input: JSON.parse(text) } };
    case "result":
      return { ...job, result: JSON.parse(text) };
  }
}

/** The record of a job that has to find its result anew. */
export function withoutResult(record: JobRecord): JobRecord {
  const { result: _result, references: { result: _resultAt, ...others } = {}, ...rest } = record;
  return Object.keys(others).length === 0 ? rest : { ...rest, references: others };
}

/** Every file that a record needs to be there, but for those that a manifest of its artifacts names. */
export function* filesOf({ spec, references, attempts }: JobRecord): Generator<Digest> {
  if (spec.bundle !== undefined && isDigest(spec.bundle)) yield spec.bundle;
  for (const { digest } of Object.values(references ?? {})) yield digest;
  for (const { artifacts } of attempts) {
    if (artifacts?.manifest !== undefined) yield artifacts.manifest.digest;
    for (const { digest } of artifacts?.files ?? []) yield digest;
  }
}
