// Artifacts whose upload is cut: nothing half is ever shown, the job ends as it should, and what was sent in vain goes.
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, expect, it } from "vitest";

import { connectBroker, type Broker } from "../../../src/shared/io/broker.ts";
import { createFileStore } from "../../../src/shared/io/files.ts";
import { ask } from "../../lab/api.ts";
import { startLab, type Lab, type LabWorker } from "../../lab/lab.ts";
import { startProxy, type Proxy } from "../../lab/proxy.ts";
import { until } from "../../lab/until.ts";

const BYTES = 2_000_000;
const PIECES = Math.ceil(BYTES / 131_072);
const SENT = 3;

let lab: Lab;
let proxy: Proxy;
let worker: LabWorker;
let broker: Broker;

beforeAll(async () => {
  lab = await startLab({ workers: [] });
  proxy = await startProxy(lab.broker);
  worker = await lab.addWorker({ nats: proxy.url });
  broker = await connectBroker({ url: lab.broker.url, identity: "observer" });
});
afterAll(async () => {
  await broker[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

type Listed = { count: number; files: { path: string; bytes: number; digest: string }[] };

const listed = async (id: string, query = "") =>
  (await ask<Listed>(`${lab.url}/v1/jobs/${id}/artifacts${query}`, "GET")).body;
const stored = async (what: "*" | "*.*.*") => {
  const subjects = await broker.subjectsIn("MR_FILES", `mr.file.${what}`);
  return subjects.size;
};

/** A job that leaves a file of its own content, of which the first pieces only have reached the broker. */
async function cutJob(letter: string): Promise<string> {
  const before = { pieces: await stored("*.*.*"), files: await stored("*") };
  let passed = 0;
  proxy.filter(({ verb, subject }) => {
    const isPiece = verb.endsWith("PUB") && /^mr\.file\.\w+\.\w+\./.test(subject);
    return !isPiece || (passed += 1) <= SENT;
  });
  const script = `yes ${letter} | head -c ${BYTES} > out`;
  const id = await lab.submit({ script, artifacts: ["out"] });
  await until(async () => (await stored("*.*.*")) === before.pieces + SENT, "a part to arrive");
  expect(await stored("*")).toBe(before.files);
  expect(await listed(id)).toMatchObject({ count: 0, files: [] });
  expect((await ask(`${lab.url}/v1/jobs/${id}/artifacts/out`, "GET")).status).toBe(404);
  return id;
}

async function expectWhole(id: string, letter: string, attempt: number): Promise<void> {
  const content = `${letter}\n`.repeat(BYTES / 2);
  const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
  expect(await lab.until(id, "succeeded")).toMatchObject({ attempt });
  expect(await listed(id)).toMatchObject({
    attempt,
    count: 1,
    files: [{ path: "out", bytes: BYTES, digest }],
  });
  const whole = await fetch(`${lab.url}/v1/jobs/${id}/artifacts/out`);
  const hash = createHash("sha256").update(Buffer.from(await whole.arrayBuffer()));
  expect(`sha256:${hash.digest("hex")}`).toBe(digest);
}

it("goes on when the broker was killed in the middle", async () => {
  const id = await cutJob("a");
  await lab.broker.kill();
  proxy.filter(() => true);
  await lab.broker.restart();
  await expectWhole(id, "a", 1);
  expect(await stored("*.*.*")).toBe(PIECES);
});

it("begins anew elsewhere when the worker was killed, and leaves nothing of the first", async () => {
  const id = await cutJob("b");
  await worker.kill("SIGKILL");
  await lab.addWorker();
  await expectWhole(id, "b", 2);
  expect(await listed(id, "?attempt=1")).toMatchObject({ count: 0, files: [] });
  expect(await stored("*.*.*")).toBe(2 * PIECES + SENT);
  // as the leader does with what is older than an hour
  await createFileStore(broker, { spoolDir: tmpdir() }).clearUnfinished(Date.now() + 1);
  expect(await stored("*.*.*")).toBe(2 * PIECES);
  await expectWhole(id, "b", 2);
});
