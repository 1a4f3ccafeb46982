// The file store: bundles, artifacts and large values, each stored once under the digest of its content.
//
// A file is pieces (one message each, of one upload) and a record that is written last, by compare-and-set: what has no
// record is no file, so an upload that dies leaves nothing that looks whole. Putting a file that is there begins its life
// anew (storedAt), and removing expects the life that was looked at: what somebody just asked to be kept is not removed.
import { randomInt } from "node:crypto";
import { Readable } from "node:stream";
import { jetstreamManager } from "@nats-io/jetstream";

import { hasCode, MillraceError } from "../errors.ts";
import {
  decodeFile,
  digestOf,
  digitsOf,
  isDigest,
  piecesIn,
  type Digest,
  type FileRecord,
} from "../file.ts";
import { afterTokens } from "../subjects.ts";
import type { Broker } from "./broker.ts";
import { readPieces } from "./file-pieces.ts";
import { inLanes, insist, type Patience } from "./insist.ts";
import { spool, tooLarge, type Measured } from "./spool.ts";
import { textOf } from "./wire.ts";

export type StoredFile = {
  digest: Digest;
  /** Bytes. */
  size: number;
  /** Epoch ms of when it was last asked to be stored. */
  storedAt: number;
  /** What `remove` expects. */
  revision: number;
};

export type PutOptions = Patience & {
  /** More is refused while it comes in. */
  limitBytes: number;
};

export type ReadOptions = Patience & {
  /** The bytes from `from` to before `to`; default all. Only what is read whole is checked against its digest. */
  from?: number;
  to?: number;
};

export type FileStore = {
  /**
   * Stores what the source yields, unless its content is there already (`stored` is false then). A stream is spooled to
   * disk first. Throws `body_too_large`, `storage_full`, or `broker_unavailable` when patience ends.
   */
  put(
    source: AsyncIterable<Uint8Array> | Uint8Array,
    options: PutOptions,
  ): Promise<{ digest: Digest; size: number; stored: boolean }>;
  /** Begins a file's life anew, as putting it again would; false when it is gone. */
  renew(digest: Digest, how?: Patience): Promise<boolean>;
  /** What is known about a file; undefined when there is none. */
  stat(digest: Digest): Promise<StoredFile | undefined>;
  /** Fails with `file_not_found`, or with `file_damaged` before the last bytes of a file that is not what its digest says. */
  read(digest: Digest, options?: ReadOptions): Readable;
  /** Removes a file that nobody asked to be stored since its `revision`; throws `lost_race` otherwise. */
  remove(file: StoredFile): Promise<void>;
  /** The digests of all files; some may be gone by the time they are looked at. */
  list(): Promise<Digest[]>;
  /** Removes the pieces of uploads that began before an instant and never became files; returns how many uploads. */
  clearUnfinished(before: number): Promise<number>;
};

/** Small beside what the broker takes in one message, also as text in its answer. */
const PIECE_BYTES = 131_072;
const HEADROOM_BYTES = 4_096;
const WINDOW = 8;
const REMOVED_TTL_MS = 60_000;
/** A file's life is not begun anew more often than this: the collection's grace is much longer. */
const RENEW_MS = 60_000;
/** Uploads that take longer may be cleared while they are under way. */
const LONG_MS = 600_000;
const MAX_ROUNDS = 20;

type Found = { record: FileRecord | undefined; seq: number };

/** `spoolDir` is where streams are put while they are measured. */
export function createFileStore(
  broker: Pick<
    Broker,
    "publish" | "last" | "subjectsIn" | "subjects" | "clock" | "maxPayload" | "nc"
  >,
  { spoolDir }: { spoolDir: string },
): FileStore {
  const { files } = broker.subjects;
  const { clock } = broker;
  const pieceBytes = Math.min(PIECE_BYTES, broker.maxPayload - HEADROOM_BYTES);

  async function find(digest: Digest, how: Patience = {}): Promise<Found> {
    // a record that somebody else wrote may say anything
    if (!isDigest(digest)) return { record: undefined, seq: 0 };
    const subject = files.record(digitsOf(digest));
    const stored = await insist(clock, how, () => broker.last(files.stream, subject));
    if (stored === undefined) return { record: undefined, seq: 0 };
    const record = stored.removed ? undefined : decodeFile(textOf(stored));
    return { record, seq: stored.seq };
  }

  /** False when somebody else changed the record meanwhile, or when it was us and the answer did not come. */
  async function write(digest: Digest, record: FileRecord, expectSubject: number, how: Patience) {
    const subject = files.record(digitsOf(digest));
    const publish = () => broker.publish(subject, JSON.stringify(record), { expectSubject });
    try {
      await insist(clock, how, publish);
      return true;
    } catch (error) {
      if (hasCode(error, "lost_race")) return false;
      throw error;
    }
  }

  async function upload(
    { digest, size, slice }: Measured,
    expectSubject: number,
    how: Patience,
  ): Promise<boolean> {
    const storedAt = clock.now();
    const record: FileRecord = { v: 1, size, pieceBytes, upload: newUpload(storedAt), storedAt };
    await inLanes(WINDOW, piecesIn(record), async (index) => {
      const from = index * pieceBytes;
      const bytes = await slice(from, Math.min(size, from + pieceBytes));
      const subject = files.piece(digitsOf(digest), record.upload, index);
      await insist(clock, how, () => broker.publish(subject, bytes));
    });
    if (clock.now() - storedAt > LONG_MS && (await wasCleared(digest, record, how))) return false;
    if (await write(digest, record, expectSubject, how)) return true;
    return (await find(digest, how)).record?.upload === record.upload;
  }

  /** True when somebody took the upload for one that had died. What came after that is marked to be found, and cleared, too. */
  async function wasCleared(digest: Digest, record: FileRecord, how: Patience): Promise<boolean> {
    const first = files.piece(digitsOf(digest), record.upload, 0);
    const found = await insist(clock, how, () => broker.last(files.stream, first));
    if (found === undefined) await insist(clock, how, () => broker.publish(first, ""));
    return found === undefined;
  }

  /** Uploads, if it may, or begins the file's life anew. */
  async function store(
    digest: Digest,
    how: Patience,
    measured?: Measured,
  ): Promise<"stored" | "renewed" | "gone"> {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const { record, seq } = await find(digest, how);
      const storedAt = clock.now();
      if (record === undefined) {
        if (measured === undefined) return "gone";
        if (await upload(measured, seq, how)) return "stored";
      } else if (storedAt - record.storedAt < RENEW_MS) return "renewed";
      else if (await write(digest, { ...record, storedAt }, seq, how)) return "renewed";
    }
    throw new MillraceError("lost_race", `Others keep changing ${digest}; try again.`);
  }

  async function purge(subject: string): Promise<void> {
    const manager = await jetstreamManager(broker.nc, { checkAPI: false });
    await manager.streams.purge(files.stream, { filter: subject });
  }

  return {
    async put(source, { limitBytes, ...how }) {
      await using measured =
        source instanceof Uint8Array
          ? held(source, limitBytes)
          : await spool(source, { dir: spoolDir, limitBytes });
      const { digest, size } = measured;
      return { digest, size, stored: (await store(digest, how, measured)) === "stored" };
    },
    renew: async (digest, how = {}) => (await store(digest, how)) === "renewed",
    async stat(digest) {
      const { record, seq } = await find(digest);
      if (record === undefined) return undefined;
      return { digest, size: record.size, storedAt: record.storedAt, revision: seq };
    },
    read(digest, { from = 0, to = Infinity, ...how } = {}) {
      async function* bytes(): AsyncGenerator<Uint8Array> {
        const { record } = await find(digest, how);
        if (record === undefined) throw noFile(digest);
        const piece = async (index: number): Promise<Uint8Array> => {
          const subject = files.piece(digitsOf(digest), record.upload, index);
          const stored = await insist(clock, how, () => broker.last(files.stream, subject));
          if (stored !== undefined) return stored.data;
          throw damaged(digest, `piece ${index} is not there, or was removed just now`);
        };
        yield* readPieces({ digest, ...record, from, to, piece, damaged });
      }
      return Readable.from(bytes(), { objectMode: false });
    },
    async remove({ digest, revision }) {
      const { record, seq } = await find(digest);
      if (record === undefined || seq !== revision)
        throw new MillraceError("lost_race", `${digest} was stored again, or removed, meanwhile.`);
      await broker.publish(files.record(digitsOf(digest)), "", {
        expectSubject: revision,
        headers: { "KV-Operation": "DEL" },
        ttlMs: REMOVED_TTL_MS,
      });
      await purge(files.pieces(digitsOf(digest), record.upload));
    },
    async list() {
      const subjects = await broker.subjectsIn(files.stream, files.records);
      return [...subjects].map((subject) => `sha256:${afterTokens(subject, 2)}`).filter(isDigest);
    },
    async clearUnfinished(before) {
      const begun = await broker.subjectsIn(files.stream, files.firstPieces);
      let cleared = 0;
      for (const subject of begun) {
        const [digits = "", name = ""] = afterTokens(subject, 2).split(".");
        const digest = `sha256:${digits}`;
        if (!isDigest(digest) || begunAt(name) >= before) continue;
        if ((await find(digest)).record?.upload === name) continue;
        await purge(files.pieces(digits, name));
        cleared += 1;
      }
      return cleared;
    },
  };
}

const INSTANT_DIGITS = 9;

/** Says when it began, so that one that never ended is known by its age. */
const newUpload = (at: number): string =>
  at.toString(36).padStart(INSTANT_DIGITS, "0") + randomInt(2 ** 47).toString(36);

const begunAt = (upload: string): number => Number.parseInt(upload.slice(0, INSTANT_DIGITS), 36);

function held(bytes: Uint8Array, limitBytes: number): Measured {
  if (bytes.length > limitBytes) throw tooLarge(limitBytes);
  return {
    digest: digestOf(bytes),
    size: bytes.length,
    slice: async (from, to) => bytes.subarray(from, to),
    [Symbol.asyncDispose]: async () => {},
  };
}

export const noFile = (digest: string): MillraceError =>
  new MillraceError("file_not_found", `There is no file ${digest}; it may have been removed.`);

const damaged = (digest: string, why: string): MillraceError =>
  new MillraceError("file_damaged", `${digest} in the store is not whole: ${why}.`);
