// Every file that some job needs, for whoever removes those that nobody needs.
import type { AttemptArtifacts } from "../../shared/artifact.ts";
import { hasCode } from "../../shared/errors.ts";
import type { Digest } from "../../shared/file.ts";
import type { Broker } from "../../shared/io/broker.ts";
import { recordIn } from "../../shared/io/decode-record.ts";
import type { FileStore } from "../../shared/io/files.ts";
import type { Stored } from "../../shared/io/wire.ts";
import { filesOf } from "../../shared/reference.ts";
import { readList } from "./job-artifacts.ts";

const PAGE = { limit: 256, maxBytes: 1_048_576 };

/** In no order, some of them several times. Throws `broker_unavailable` rather than leave out what it could not read. */
export async function* jobReferences(
  broker: Pick<Broker, "range" | "next" | "subjects">,
  files: Pick<FileStore, "read">,
): AsyncGenerator<Digest> {
  for await (const message of everyRecord(broker)) {
    const record = recordIn(message);
    if (record === undefined) continue;
    yield* filesOf(record);
    for (const { artifacts } of record.attempts)
      if (artifacts?.manifest !== undefined) yield* listedIn(files, artifacts);
  }
}

/** In the order of their last change: one that changes meanwhile is met again further on. */
async function* everyRecord(
  broker: Pick<Broker, "range" | "next" | "subjects">,
): AsyncGenerator<Stored> {
  const { stream, all } = broker.subjects.jobs;
  for (let from = 1; ;) {
    const { messages } = await broker.range(stream, { from, subject: all, ...PAGE });
    // a replica of the stream may lag; its leader knows whether that was all
    const next =
      messages.length > 0 ? undefined : await broker.next(stream, { from, subject: all });
    if (next !== undefined) messages.push(next);
    yield* messages;
    const last = messages.at(-1);
    if (last === undefined) return;
    from = last.seq + 1;
  }
}

/** Of a list that is gone nobody can reach the files either. */
async function* listedIn(
  files: Pick<FileStore, "read">,
  artifacts: AttemptArtifacts,
): AsyncGenerator<Digest> {
  try {
    for (const { digest } of await readList(files, artifacts)) yield digest;
  } catch (error) {
    if (!hasCode(error, "file_not_found", "file_damaged")) throw error;
  }
}
