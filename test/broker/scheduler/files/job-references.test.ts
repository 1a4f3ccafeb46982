// Every file that some job needs is named, also those that only a list names, and none of jobs that are gone.
import { afterAll, beforeAll, expect, it } from "vitest";
import { tmpdir } from "node:os";

import { jobReferences } from "../../../../src/scheduler/files/job-references.ts";
import { encodeManifest } from "../../../../src/shared/artifact.ts";
import { connectBroker, type Broker } from "../../../../src/shared/io/broker.ts";
import { createFileStore, type FileStore } from "../../../../src/shared/io/files.ts";
import { createJobStore } from "../../../../src/shared/io/job-store.ts";
import { storeText, withLargeValues } from "../../../../src/shared/io/large-values.ts";
import { ensureTopology } from "../../../../src/shared/io/topology.ts";
import { digestOf } from "../../../../src/shared/file.ts";
import { newJob } from "../../../../src/shared/job-machine.ts";
import { startBroker, type TestBroker } from "../../../lab/broker.ts";

let server: TestBroker;
let broker: Broker;
let files: FileStore;
beforeAll(async () => {
  server = await startBroker();
  broker = await connectBroker({ url: server.url, identity: "test" });
  await ensureTopology(broker);
  files = createFileStore(broker, { spoolDir: tmpdir() });
});
afterAll(async () => {
  await broker[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const id = (name: string) => name.padEnd(20, "0");
const digest = (text: string) => digestOf(Buffer.from(text));

it("names the files of all jobs that there are", async () => {
  const store = withLargeValues(createJobStore(broker), files);
  const large = "x".repeat(70_000);
  await store.create(newJob(id("large"), { command: ["a"], stdin: large }, 1));
  expect((await store.read(id("large")))?.record.spec.stdin).toBeUndefined();

  const listed = { path: "a", bytes: 1, digest: digest("listed"), mode: 0o644 };
  const manifest = await storeText(files, encodeManifest([listed]));
  const gone = { digest: digest("a list that is gone"), bytes: 1 };
  const attempt = { number: 1, worker: "build-1-abcd1234" };
  const here = { ...listed, digest: digest("here") };
  await store.create({
    ...newJob(id("left"), { command: ["a"] }, 1),
    attempts: [
      { ...attempt, artifacts: { count: 1, bytes: 1, files: [here] } },
      { ...attempt, artifacts: { count: 1, bytes: 1, manifest } },
      { ...attempt, artifacts: { count: 1, bytes: 1, manifest: gone } },
    ],
  });
  const removed = await store.create(
    newJob(id("removed"), { command: ["a"], stdin: `${large}!` }, 1),
  );
  await store.remove(id("removed"), removed);
  await store.requestCancel(id("left"), { v: 1, at: 1, actor: "a", reason: "r" });
  await broker.publish(broker.subjects.jobs.record(id("rubbish")), "{");

  const found = new Set<string>();
  for await (const one of jobReferences(broker, files)) found.add(one);
  expect([...found].toSorted()).toEqual(
    [digest(large), here.digest, listed.digest, manifest.digest, gone.digest].toSorted(),
  );
});

it("reads on behind more records than fit into one answer", async () => {
  const store = createJobStore(broker);
  const reference = { digest: digest("many"), bytes: 1 };
  for (let i = 0; i < 600; i += 1)
    await store.create({
      ...newJob(id(`many${i}x`), { command: ["a"] }, 1),
      references: { input: reference },
    });
  let count = 0;
  for await (const one of jobReferences(broker, files)) if (one === reference.digest) count += 1;
  expect(count).toBe(600);
});
