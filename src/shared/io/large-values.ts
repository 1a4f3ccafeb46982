// Takes what is too large for a record out to the file store, and fetches it again.
import { text } from "node:stream/consumers";

import type { JobRecord } from "../job.ts";
import {
  largeTexts,
  MAX_VALUE_BYTES,
  withPart,
  withReferences,
  type LargePart,
  type Reference,
  type References,
} from "../reference.ts";
import type { FileStore } from "./files.ts";
import type { Patience } from "./insist.ts";
import type { JobStore } from "./job-store.ts";

type Files = Pick<FileStore, "put" | "read">;

export async function storeText(
  files: Pick<Files, "put">,
  value: string,
  patience: Patience = {},
): Promise<Reference> {
  const bytes = Buffer.from(value);
  const { digest, size } = await files.put(bytes, { limitBytes: MAX_VALUE_BYTES, ...patience });
  return { digest, bytes: size };
}

/** The record as it is to be stored. Throws what `put` throws. */
export async function takeOut(
  files: Pick<Files, "put">,
  record: JobRecord,
  patience?: Patience,
): Promise<JobRecord> {
  const large = largeTexts(record.spec);
  if (large.length === 0) return record;
  const references: References = {};
  for (const { part, text: value } of large)
    references[part] = await storeText(files, value, patience);
  return withReferences(record, references);
}

/** The record with its parts of up to so many bytes back in their places. Throws what `read` fails with. */
export async function bringBack(
  files: Pick<Files, "read">,
  record: JobRecord,
  { maxBytes = Infinity, ...patience }: Patience & { maxBytes?: number } = {},
): Promise<JobRecord> {
  let whole = record;
  for (const [name, { digest, bytes }] of Object.entries(record.references ?? {})) {
    if (bytes > maxBytes) continue;
    const part = name as LargePart;
    const { [part]: _here, ...references } = whole.references ?? {};
    whole = withPart(whole, part, await text(files.read(digest, patience)));
    whole = { ...whole, references };
  }
  return whole;
}

/** As long as the store itself waits for a broker that is away. */
const PATIENCE = { patienceMs: 5_000 };

/** A store that takes out what is too large, so that nobody who makes jobs need think of it. */
export function withLargeValues(store: JobStore, files: Pick<Files, "put">): JobStore {
  return {
    ...store,
    create: async (record, options) =>
      store.create(await takeOut(files, record, PATIENCE), options),
    write: async (record, seq, options) =>
      store.write(await takeOut(files, record, PATIENCE), seq, options),
  };
}
