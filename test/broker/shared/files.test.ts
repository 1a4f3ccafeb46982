// Files are whole or not there, stored once, read in parts, and removed only while nobody asks for them again.
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { digestOf, digitsOf, type Digest } from "../../../src/shared/file.ts";
import { connectBroker, type Broker } from "../../../src/shared/io/broker.ts";
import { createFileStore, type FileStore, type ReadOptions } from "../../../src/shared/io/files.ts";
import { ensureTopology } from "../../../src/shared/io/topology.ts";
import { startBroker, type TestBroker } from "../../lab/broker.ts";
import { tempDir, type TempDir } from "../../lab/temp-dir.ts";

const limitBytes = 8 * 2 ** 20;
const PIECE = 131_072;
const RANGES = [
  [0, 1],
  [1, PIECE],
  [PIECE - 1, PIECE + 1],
  [PIECE, 2 * PIECE],
  [PIECE + 1, 9 * PIECE],
  [3, 3],
  [9 * PIECE, 10 * PIECE],
] as const;

let server: TestBroker;
let broker: Broker;
let dir: TempDir;
let files: FileStore;
let shiftMs = 0;

beforeAll(async () => {
  server = await startBroker();
  dir = await tempDir();
  broker = await connectBroker({ url: server.url, identity: "files-test" });
  await ensureTopology(broker);
  const clock = { ...broker.clock, now: () => broker.clock.now() + shiftMs };
  files = createFileStore({ ...broker, clock }, { spoolDir: dir.path });
});
afterAll(async () => {
  await broker[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});

const inParts = (bytes: Buffer, part = 10_007): Readable =>
  Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += part) yield bytes.subarray(at, at + part);
    })(),
  );
/** Large buffers are compared by their digests: as values, one comparison takes seconds. */
const readBack = async (digest: Digest, options: ReadOptions = {}): Promise<Digest> =>
  digestOf(await buffer(files.read(digest, options)));
const later = (ms: number) => {
  shiftMs += ms;
};

describe("the file store", () => {
  it.each([0, 1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE + 3])(
    "gives back the %i bytes that were put, whole and in parts",
    async (size) => {
      const bytes = randomBytes(size);
      const put = await files.put(inParts(bytes), { limitBytes });
      expect(put).toEqual({ digest: digestOf(bytes), size, stored: true });
      expect(await files.stat(put.digest)).toMatchObject({ digest: put.digest, size });
      expect(await readBack(put.digest)).toBe(digestOf(bytes));
      for (const [from, to] of RANGES)
        expect(await readBack(put.digest, { from, to })).toBe(digestOf(bytes.subarray(from, to)));
    },
  );

  it("reads of a part only the pieces that it needs", async () => {
    const bytes = randomBytes(6 * PIECE);
    const { digest } = await files.put(bytes, { limitBytes });
    const asked: string[] = [];
    const watched = createFileStore(
      {
        ...broker,
        last: (stream, subject) => {
          asked.push(subject);
          return broker.last(stream, subject);
        },
      },
      { spoolDir: dir.path },
    );
    await buffer(watched.read(digest, { from: 2 * PIECE + 5, to: 3 * PIECE + 1 }));
    expect(asked.slice(1).map((subject) => subject.split(".").at(-1))).toEqual(["2", "3"]);
  });

  it("stores the same content once, also when it comes from several at once", async () => {
    const bytes = randomBytes(3 * PIECE);
    const puts = await Promise.all([1, 2, 3, 4].map(() => files.put(bytes, { limitBytes })));
    expect(puts.filter(({ stored }) => stored)).toHaveLength(1);
    expect(await files.put(inParts(bytes), { limitBytes })).toMatchObject({ stored: false });
    expect((await files.list()).filter((digest) => digest === digestOf(bytes))).toHaveLength(1);
    expect(await readBack(digestOf(bytes))).toBe(digestOf(bytes));
    later(1);
    expect(await files.clearUnfinished(Date.now() + shiftMs)).toBeGreaterThan(0);
    expect(await readBack(digestOf(bytes))).toBe(digestOf(bytes));
  });

  it("refuses what is too large while it comes in", async () => {
    let given = 0;
    function* endless() {
      for (;;) {
        given += 65_536;
        yield randomBytes(65_536);
      }
    }
    const put = files.put(Readable.from(endless()), { limitBytes: 1_000_000 });
    await expect(put).rejects.toMatchObject({ code: "body_too_large" });
    expect(given).toBeLessThan(3_000_000);
    await expect(files.put(randomBytes(11), { limitBytes: 10 })).rejects.toMatchObject({
      code: "body_too_large",
    });
  });

  it("shows nothing of an upload that died, and clears it away later", async () => {
    const bytes = randomBytes(4 * PIECE);
    let published = 0;
    const dying = createFileStore(
      {
        ...broker,
        publish: (subject, payload, options) => {
          published += 1;
          if (published > 2) return Promise.reject(new Error("killed"));
          return broker.publish(subject, payload, options);
        },
      },
      { spoolDir: dir.path },
    );
    await expect(dying.put(bytes, { limitBytes })).rejects.toThrow("killed");
    expect(await files.stat(digestOf(bytes))).toBeUndefined();
    await expect(buffer(files.read(digestOf(bytes)))).rejects.toMatchObject({
      code: "file_not_found",
    });
    const before = await piecesOf(bytes);
    expect(before).toBeGreaterThan(0);
    expect(await files.clearUnfinished(Date.now() - 60_000)).toBe(0);
    expect(await files.clearUnfinished(Date.now() + shiftMs + 1)).toBeGreaterThan(0);
    expect(await piecesOf(bytes)).toBe(0);
    expect(await files.put(bytes, { limitBytes })).toMatchObject({ stored: true });
    expect(await readBack(digestOf(bytes))).toBe(digestOf(bytes));
  });

  it("uploads once more what was cleared away while it was under way for hours", async () => {
    const bytes = randomBytes(12 * PIECE);
    let [published, cleared] = [0, 0];
    const slow = createFileStore(
      {
        ...broker,
        clock: { ...broker.clock, now: () => broker.clock.now() + shiftMs },
        publish: async (subject, payload, options) => {
          published += 1;
          if (published === 10) {
            later(7_200_000);
            cleared = await files.clearUnfinished(Date.now() + shiftMs - 3_600_000);
          }
          return broker.publish(subject, payload, options);
        },
      },
      { spoolDir: dir.path },
    );
    expect(await slow.put(bytes, { limitBytes })).toMatchObject({ stored: true });
    expect(cleared).toBe(1);
    expect(await readBack(digestOf(bytes))).toBe(digestOf(bytes));
    expect(await piecesOf(bytes)).toBeGreaterThan(12);
    later(7_200_000);
    await files.clearUnfinished(Date.now() + shiftMs - 3_600_000);
    expect(await piecesOf(bytes)).toBe(12);
    expect(await readBack(digestOf(bytes))).toBe(digestOf(bytes));
  });

  it("passes on no last byte of what is not what it should be", async () => {
    const bytes = randomBytes(2 * PIECE);
    const { digest } = await files.put(bytes, { limitBytes });
    const pieces = await broker.subjectsIn("MR_FILES", `mr.file.${digitsOf(digest)}.*.1`);
    await broker.publish([...pieces][0]!, randomBytes(PIECE));
    const got: Buffer[] = [];
    await expect(
      (async () => {
        for await (const part of files.read(digest)) got.push(part as Buffer);
      })(),
    ).rejects.toMatchObject({ code: "file_damaged" });
    expect(Buffer.concat(got).length).toBe(PIECE);
    await broker.publish([...pieces][0]!, randomBytes(3));
    await expect(buffer(files.read(digest))).rejects.toMatchObject({ code: "file_damaged" });
  });

  it("removes a file with its pieces, unless somebody asked for it meanwhile", async () => {
    const bytes = randomBytes(2 * PIECE);
    const { digest } = await files.put(bytes, { limitBytes });
    const seen = (await files.stat(digest))!;
    later(120_000);
    expect(await files.put(bytes, { limitBytes })).toMatchObject({ stored: false });
    await expect(files.remove(seen)).rejects.toMatchObject({ code: "lost_race" });
    const now = (await files.stat(digest))!;
    expect(now.storedAt).toBeGreaterThan(seen.storedAt);
    await files.remove(now);
    expect(await files.stat(digest)).toBeUndefined();
    expect(await piecesOf(bytes)).toBe(0);
    expect(await files.put(bytes, { limitBytes })).toMatchObject({ stored: true });
    expect(await readBack(digest)).toBe(digestOf(bytes));
  });

  it("begins the life of a file anew for who needs it without having it", async () => {
    const { digest } = await files.put(randomBytes(10), { limitBytes });
    const { storedAt } = (await files.stat(digest))!;
    later(120_000);
    expect(await files.renew(digest)).toBe(true);
    const renewed = (await files.stat(digest))!;
    expect(renewed.storedAt).toBeGreaterThanOrEqual(storedAt + 120_000);
    await files.remove(renewed);
    expect(await files.renew(digest)).toBe(false);
  });

  it("cannot be emptied by what somebody writes", async () => {
    const bytes = randomBytes(10);
    await files.put(bytes, { limitBytes });
    const wipe = broker.publish("mr.file.x", "", { headers: { "Nats-Rollup": "all" } });
    await expect(wipe).rejects.toThrow(/rollup/);
    expect(await readBack(digestOf(bytes))).toBe(digestOf(bytes));
  });

  it("goes on when the broker was away for a moment", async () => {
    const bytes = randomBytes(12 * PIECE);
    let unanswered = 5;
    let restarts = 0;
    const shaky = createFileStore(
      {
        ...broker,
        publish: async (subject, payload, options) => {
          if (subject.endsWith(".5") && restarts++ === 0) await server.restart();
          const stamp = await broker.publish(subject, payload, options);
          // stored, and nobody says so
          if (unanswered-- > 0) return broker.publish("mr.nowhere", "", { timeoutMs: 1 });
          return stamp;
        },
      },
      { spoolDir: dir.path },
    );
    await shaky.put(bytes, { limitBytes });
    expect(await readBack(digestOf(bytes))).toBe(digestOf(bytes));
  });
});

const piecesOf = async (bytes: Buffer): Promise<number> =>
  (await broker.subjectsIn("MR_FILES", `mr.file.${digitsOf(digestOf(bytes))}.*.*`)).size;
