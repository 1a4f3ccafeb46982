// The collection of files against a real broker: what something needs stays, everything else goes, whoever dies or collects beside it.
import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";

import { createConfigBook, type ConfigBook } from "../../../../src/scheduler/config-book.ts";
import {
  createCollection,
  type CollectionDeps,
} from "../../../../src/scheduler/files/collection.ts";
import { jobReferences } from "../../../../src/scheduler/files/job-references.ts";
import { openFiles, type Files } from "../../../../src/scheduler/files/open.ts";
import { createReferences } from "../../../../src/scheduler/files/references.ts";
import { createGroupIndex } from "../../../../src/scheduler/groups/group-index.ts";
import type { AttemptArtifacts } from "../../../../src/shared/artifact.ts";
import { digestOf, digitsOf, type Digest } from "../../../../src/shared/file.ts";
import { connectBroker, type Broker } from "../../../../src/shared/io/broker.ts";
import { createFileStore } from "../../../../src/shared/io/files.ts";
import { createJobStore, type JobStore } from "../../../../src/shared/io/job-store.ts";
import { storeText, withLargeValues } from "../../../../src/shared/io/large-values.ts";
import { ensureTopology } from "../../../../src/shared/io/topology.ts";
import { newJob } from "../../../../src/shared/job-machine.ts";
import type { JobSpec } from "../../../../src/shared/spec.ts";
import { startBroker, type TestBroker } from "../../../lab/broker.ts";
import { tempDir, type TempDir } from "../../../lab/temp-dir.ts";
import { until } from "../../../lab/until.ts";

const HOUR_MS = 3_600_000;
const limitBytes = 2 ** 22;
const stop = new AbortController();

let server: TestBroker;
let broker: Broker;
let dir: TempDir;
let book: ConfigBook;
let reading: Promise<void>;
let files: Files;
let jobs: JobStore;
let shiftMs = 0;
let made = 0;

beforeAll(async () => {
  server = await startBroker();
  dir = await tempDir();
  const connection = await connectBroker({ url: server.url, identity: "collector" });
  const now = () => connection.clock.now() + shiftMs;
  broker = { ...connection, clock: { ...connection.clock, now } };
  await ensureTopology(broker);
  book = createConfigBook({ broker });
  files = openFiles({ broker, book });
  jobs = withLargeValues(createJobStore(broker), files.store);
  reading = book.feed.run(stop.signal);
});
afterAll(async () => {
  stop.abort();
  await reading;
  await broker[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});
// what the test before left, and what was stored in it, is old by now
beforeEach(() => void (shiftMs += 3 * HOUR_MS));

/** One round of the duty; a store that fails stands for a collector that dies. */
async function collect(store: CollectionDeps["files"] = files.store): Promise<void> {
  const round = new AbortController();
  const { clearUnfinished } = store;
  await createCollection({
    files: {
      ...store,
      async clearUnfinished(before) {
        round.abort();
        return clearUnfinished(before);
      },
    },
    references: createReferences({
      jobs: () => jobReferences(broker, files.store),
      groups: createGroupIndex(),
      bundles: files.shelf,
    }),
    caughtUp: () => book.feed.caughtUp(),
    clock: broker.clock,
    everyMs: 1,
  }).run(round.signal, { v: 1, scheduler: "s", epoch: 1, since: 0 });
}

const later = (ms: number) => void (shiftMs += ms);
const put = async (bytes = randomBytes(300_000)) =>
  (await files.store.put(bytes, { limitBytes })).digest;
const isThere = async (digest: Digest) => (await files.store.stat(digest)) !== undefined;
const piecesOf = async (digest: Digest) =>
  (await broker.subjectsIn("MR_FILES", `mr.file.${digitsOf(digest)}.*.*`)).size;

/** A job, and what removes it. */
async function job(
  spec: JobSpec,
  changes: object = {},
): Promise<{ remove(): Promise<void>; id: string }> {
  const id = `j${made++}`.padEnd(20, "0");
  const seq = await jobs.create({ ...newJob(id, spec, broker.clock.now()), ...changes });
  return { id, remove: () => jobs.remove(id, seq) };
}

const leaving = (artifacts: Partial<AttemptArtifacts>) => ({
  number: 1,
  worker: "build-1-abcd1234",
  artifacts: { count: 1, bytes: 1, ...artifacts },
});

async function pushed(name: string): Promise<Digest> {
  const archive = pack();
  archive.entry({ name }, randomBytes(1_000).toString("hex"));
  archive.finalize();
  const { version } = await files.bundles.push(name, archive as AsyncIterable<Uint8Array>, {
    by: "test",
  });
  return version.digest;
}

it("keeps a removed bundle for as long as a job that names it", async () => {
  const digest = await pushed("etl");
  const waiting = await job({ command: ["true"], bundle: digest });
  await collect();
  await files.bundles.remove("etl", undefined, "test");
  later(2 * HOUR_MS);
  await collect();
  expect((await buffer(files.store.read(digest))).length).toBeGreaterThan(1_000);
  await waiting.remove();
  await collect();
  expect([await isThere(digest), await piecesOf(digest)]).toEqual([false, 0]);
});

it("takes the files of jobs whose time is over: values, artifacts and their lists", async () => {
  const [artifact, listed, kept] = [await put(), await put(), await put()];
  const list = JSON.stringify({
    v: 1,
    files: [{ path: "a", bytes: 1, digest: listed, mode: 420 }],
  });
  const manifest = await storeText(files.store, list);
  const one = { path: "a", bytes: 1, mode: 0o644 };
  const attempts = [leaving({ files: [{ ...one, digest: artifact }] }), leaving({ manifest })];
  const ended = { state: "succeeded", finishedAt: broker.clock.now(), attempts };
  const stdin = "x".repeat(100_000);
  const spec: JobSpec = { command: ["cat"], stdin, retention: "1s" };
  const over = await job(spec, ended);
  const value = (await jobs.read(over.id))!.record.references!.stdin!.digest;
  await job({ command: ["true"] }, { attempts: [leaving({ files: [{ ...one, digest: kept }] })] });
  later(2 * HOUR_MS);
  await collect();
  const all = [artifact, listed, manifest.digest, value];
  expect(await Promise.all(all.map(isThere))).toEqual([true, true, true, true]);
  await until(async () => (await jobs.read(over.id)) === undefined, "the job to expire");
  await collect();
  expect(await Promise.all(all.map(piecesOf))).toEqual([0, 0, 0, 0]);
  expect([await isThere(kept), ...(await Promise.all(all.map(isThere)))]).toEqual([
    true,
    ...all.map(() => false),
  ]);
});

it("takes what uploads left that were cut, once they are old", async () => {
  let published = 0;
  const publish: Broker["publish"] = async (...message) => {
    published += 1;
    if (published > 2) throw new Error("killed");
    return broker.publish(...message);
  };
  const dying = createFileStore({ ...broker, publish }, { spoolDir: dir.path });
  const bytes = randomBytes(1_000_000);
  await expect(dying.put(bytes, { limitBytes })).rejects.toThrow("killed");
  const digest = digestOf(bytes);
  await collect();
  expect(await piecesOf(digest)).toBeGreaterThan(0);
  later(2 * HOUR_MS);
  await collect();
  expect(await piecesOf(digest)).toBe(0);
});

it("is the same when two collect at once", async () => {
  const [needed, rest] = [await put(), await Promise.all(Array.from({ length: 20 }, () => put()))];
  const reference = { digest: needed, bytes: 300_000 };
  await job({ command: ["true"] }, { references: { stdin: reference } });
  later(2 * HOUR_MS);
  await Promise.all([collect(), collect(), collect()]);
  expect(await Promise.all(rest.map(isThere))).toEqual(rest.map(() => false));
  expect(await Promise.all(rest.map(piecesOf))).toEqual(rest.map(() => 0));
  expect((await buffer(files.store.read(needed))).length).toBe(300_000);
});

it("leaves to the next one what a collector had begun when it died", async () => {
  const digests = await Promise.all(Array.from({ length: 4 }, () => put()));
  later(2 * HOUR_MS);
  // records go first: it dies before the pieces
  const halfway = createFileStore({ ...broker, nc: undefined as never }, { spoolDir: dir.path });
  await expect(collect(halfway)).rejects.toThrow(/undefined/);
  const there = await Promise.all(digests.map(isThere));
  expect(there.filter(Boolean)).toHaveLength(3);
  expect(await Promise.all(digests.map(piecesOf))).toEqual(digests.map(() => 3));
  const [first] = digests.filter((_, index) => !there[index]);
  await expect(buffer(files.store.read(first!))).rejects.toMatchObject({ code: "file_not_found" });
  await collect();
  expect(await Promise.all(digests.map(piecesOf))).toEqual(digests.map(() => 0));
});
