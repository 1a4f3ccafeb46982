// Who may what on the broker: what each kind of client needs works, and every line is tried to be crossed.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { text as textOfStream } from "node:stream/consumers";
import { connect, nkeyAuthenticator, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { askBroker } from "../../../src/cli/doctor/ask-broker.ts";
import {
  createAdmit,
  decodeEnrolment,
  ENROLMENT_KIND,
  mintInvitation,
  newEnrolment,
  type Enrolment,
} from "../../../src/scheduler/auth/enrolment.ts";
import { serveBroker } from "../../../src/scheduler/auth/security.ts";
import { putOut } from "../../../src/shared/io/admission.ts";
import { connectBroker, type Broker } from "../../../src/shared/io/broker.ts";
import { createConfigStore, type ConfigStore } from "../../../src/shared/io/config-store.ts";
import { createFeed } from "../../../src/shared/io/feed.ts";
import { createJobStore } from "../../../src/shared/io/job-store.ts";
import { createFileStore } from "../../../src/shared/io/files.ts";
import { silentLog } from "../../../src/shared/io/log.ts";
import { ensureTopology } from "../../../src/shared/io/topology.ts";
import { textOf } from "../../../src/shared/io/wire.ts";
import { newJob } from "../../../src/shared/job-machine.ts";
import { until } from "../../lab/until.ts";
import { newJobId } from "../http/http-lab.ts";
import { refusals } from "./refusals.ts";
import { startGuardedBroker, type GuardedBroker } from "../../lab/guarded-broker.ts";

const WORKER = "build-1-abcd1234";
const OTHER = "build-2-abcd1234";

let server: GuardedBroker;
let scheduler: Broker;
let serving: Disposable;
let store: ConfigStore<Enrolment>;

beforeAll(async () => {
  server = await startGuardedBroker();
  const { url, files } = server;
  scheduler = await connectBroker({
    url,
    identity: "scheduler-test",
    credentials: { nkey: files.scheduler },
  });
  await ensureTopology(scheduler);
  store = createConfigStore(scheduler, ENROLMENT_KIND, decodeEnrolment);
  const settings = { required: true, insecureOpen: false, enrolKey: files.enrol };
  serving = serveBroker({ broker: scheduler, settings, log: silentLog });
});
afterAll(async () => {
  serving[Symbol.dispose]();
  await scheduler[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function invite(name: string, expiresAt = Date.now() + 60_000): Promise<string> {
  const { token, hash } = mintInvitation();
  await store.put(name, newEnrolment(hash, { createdAt: 1, expiresAt }, "test"));
  return token;
}

const keyFile = (name: string): string => join(server.dir, `${name}.nk`);

const comeIn = (identity: string, key: string, token?: string): Promise<Broker> =>
  connectBroker({
    url: server.url,
    identity,
    confined: true,
    credentials: { nkey: keyFile(key), ...(token === undefined ? {} : { join: token }) },
  });

/** A client without our manners, under somebody's key. */
async function intruder(file: string, name: string, inboxPrefix: string): Promise<NatsConnection> {
  const seed = Buffer.from(readFileSync(file, "utf8").trim());
  return connect({
    servers: server.url,
    name: `millrace ${name}`,
    authenticator: nkeyAuthenticator(seed),
    inboxPrefix,
    maxReconnectAttempts: 0,
  });
}

describe("a worker", () => {
  it("joins once by its invitation, and comes in by its key from then on", async () => {
    const token = await invite("build-1");
    await using first = await comeIn(WORKER, "build-1", token);
    expect(first.isUp()).toBe(true);
    expect(statSync(keyFile("build-1")).mode & 0o777).toBe(0o600);
    const { value } = (await store.read("build-1"))!;
    expect(value).toMatchObject({ key: expect.stringMatching(/^U/) });
    expect(value.join).toBeUndefined();
    await using again = await comeIn("build-1-zzzz9999", "build-1");
    expect(again.isUp()).toBe(true);
    await expect(comeIn("build-1-thief000", "thief", token)).rejects.toThrow("does not let us in");
  });

  it("comes in neither under another's name nor without an invitation that is good", async () => {
    await expect(comeIn(OTHER, "build-1")).rejects.toThrow("does not let us in");
    await expect(comeIn("scheduler-abcd1234", "build-1")).rejects.toThrow("does not let us in");
    const token = await invite("build-3");
    const wrong = mintInvitation().token;
    await expect(comeIn("build-3-abcd1234", "build-3", wrong)).rejects.toThrow("does not let");
    await invite("build-4", Date.now() - 1);
    await expect(comeIn("build-4-abcd1234", "build-4", token)).rejects.toThrow("does not let");
    await expect(
      connect({ servers: server.url, maxReconnectAttempts: 0, reconnect: false }),
    ).rejects.toThrow(/authorization/i);
  });

  it("has all that it needs: beat, records, output, commands, also those it missed", async () => {
    const { subjects } = scheduler;
    const heard: string[] = [];
    const send = (text: string) => scheduler.publish(subjects.assign.to(WORKER), text);
    await send("before");
    await scheduler.publish(subjects.assign.to(OTHER), "not for you");
    await using worker = await comeIn(WORKER, "build-1");
    const stop = new AbortController();
    const feed = createFeed({
      broker: worker,
      stream: subjects.assign.stream,
      source: subjects.assign.to(WORKER),
      listen: subjects.assign.commandsOf(WORKER),
      scope: "subject",
      onMessage: (message) => void heard.push(textOf(message)),
    });
    const running = feed.run(stop.signal);
    await until(() => heard.length === 1, "the command that was missed");
    await send("live");
    await until(() => heard.length === 2, "the next command");
    expect(heard).toEqual(["before", "live"]);
    stop.abort();
    await running;

    await worker.publish(subjects.workers.key(WORKER), "{}", { ttlMs: 5_000 });
    await worker.publish(subjects.logs.of(newJobId(), 1), "output");
    const jobs = createJobStore(worker);
    const record = newJob(newJobId(), { command: ["true"] }, 1);
    const seq = await createJobStore(scheduler).create(record);
    expect((await jobs.read(record.id))?.seq).toBe(seq);
    await jobs.write({ ...record, attempt: 1 }, seq);
    const files = createFileStore(worker, { spoolDir: server.dir });
    const { digest } = await files.put(Buffer.from("left behind"), { limitBytes: 100 });
    expect(await textOfStream(files.read(digest))).toBe("left behind");
    using _serving = worker.serve(subjects.control(WORKER), async (text) => `heard ${text}`);
    await worker.flush();
    expect(await scheduler.request(subjects.control(WORKER), "ping", 2_000)).toBe("heard ping");
  });

  it("crosses no line", async () => {
    const { subjects } = scheduler;
    const nc = await intruder(keyFile("build-1"), WORKER, subjects.inbox(WORKER));
    const publish = [
      subjects.workers.key(OTHER),
      subjects.assign.to(WORKER),
      subjects.assign.epoch,
      subjects.jobs.cancel(newJobId()),
      subjects.leader.key,
      subjects.queues.key("default"),
      subjects.config.key("api-key", "abc"),
      subjects.config.key(ENROLMENT_KIND, "build-2"),
      subjects.events.of("audit", "jobs"),
      subjects.groups.record(newJobId()),
      subjects.control(OTHER),
      `${subjects.ask(OTHER)}.range`,
      subjects.assign.commandsOf(OTHER),
      subjects.inbox("scheduler-test"),
      `${subjects.inbox(OTHER)}.p.0`,
      "$JS.API.INFO",
      "$JS.API.STREAM.DELETE.MR_JOBS",
      "$JS.API.STREAM.PURGE.MR_JOBS",
      "$JS.API.STREAM.MSG.GET.MR_ASSIGN",
      "$JS.API.STREAM.MSG.GET.KV_mr_config",
      "$JS.API.DIRECT.GET.MR_ASSIGN",
      `$JS.API.DIRECT.GET.MR_ASSIGN.${subjects.assign.to(OTHER)}`,
      "$JS.API.DIRECT.GET.KV_mr_config",
      "$JS.API.DIRECT.GET.MR_LOGS",
      "$JS.API.CONSUMER.CREATE.MR_JOBS",
      "$JS.API.CONSUMER.CREATE.MR_FILES",
      "$JS.API.STREAM.PURGE.MR_FILES",
      `$JS.API.DIRECT.GET.MR_FILES.${subjects.files.all}`,
      "$SYS.REQ.USER.AUTH",
      "$SYS.REQ.SERVER.PING.CONNZ",
      "anything",
    ];
    const subscribe = [
      ">",
      "mr.>",
      subjects.jobs.changed,
      subjects.jobs.record("*"),
      subjects.logs.live,
      subjects.assign.commandsOf(OTHER),
      "mr.cmd.*",
      subjects.control(OTHER),
      "mr.ctl.*",
      subjects.workers.beats,
      subjects.config.changed,
      "$KV.>",
      "_INBOX.>",
      "_INBOX_mr.>",
      `${subjects.inbox(OTHER)}.>`,
      "$SYS.REQ.USER.AUTH",
      "$JS.API.>",
    ];
    const all = [...publish, ...subscribe];
    expect(await refusals(nc, { publish, subscribe })).toEqual([...new Set(all)].toSorted());
  });

  it("gets answers to what it asks nowhere but in its own inbox, and about itself alone", async () => {
    const { subjects } = scheduler;
    const nc = await intruder(keyFile("build-1"), WORKER, subjects.inbox(WORKER));
    const stolen: string[] = [];
    using _spy = scheduler.serve(`${subjects.inbox(OTHER)}.p.7`, async (text) => {
      stolen.push(text);
      return "";
    });
    const ask = `${subjects.ask(WORKER)}.next`;
    const wish = JSON.stringify({ seq: 1, next_by_subj: subjects.assign.to(OTHER) });
    nc.publish(ask, wish, { reply: `${subjects.inbox(OTHER)}.p.7` });
    const { message } = (await nc.request(ask, wish)).json<{ message: { subject: string } }>();
    expect(message.subject).toBe(subjects.assign.to(WORKER));
    await expect(nc.request(ask, "rubbish", { timeout: 200 })).rejects.toThrow(/timeout/i);
    await nc.close();
    await scheduler.flush();
    expect(stolen).toEqual([]);
  });

  it("that is revoked is put out, and stays out", async () => {
    const token = await invite("gone");
    const worker = await comeIn("gone-abcd1234", "gone", token);
    const { revision } = (await store.read("gone"))!;
    await store.remove("gone", revision);
    expect(await putOut(scheduler, (identity) => identity === "gone-abcd1234")).toBe(1);
    await until(() => !worker.isUp(), "the worker to be out");
    await worker[Symbol.asyncDispose]();
    await expect(comeIn("gone-abcd1234", "gone")).rejects.toThrow("does not let us in");
    expect(await putOut(scheduler, (identity) => identity === "gone-abcd1234")).toBe(0);
  });

  it("of a name that two knock with at once belongs to one of them", async () => {
    const admit = createAdmit({ store, subjects: scheduler.subjects, clock: scheduler.clock });
    const token = await invite("twin");
    const tries = await Promise.allSettled(
      ["UA", "UB"].map((key) => admit({ identity: "twin-abcd1234", key, token })),
    );
    expect(tries.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  });
});

describe("a viewer", () => {
  it("can examine the installation", async () => {
    const credentials = { nkey: server.files.viewer };
    const question = { url: server.url, prefix: undefined, monitors: [], credentials };
    const { broker, installation } = await askBroker(question);
    expect(broker).toMatchObject({ missing: [] });
    expect(installation).not.toBeInstanceOf(Error);
  });

  it("reads jobs and output, and nothing else", async () => {
    const { subjects } = scheduler;
    const inbox = subjects.inbox("viewer");
    const reading = await intruder(server.files.viewer, "viewer", inbox);
    const info = await reading.request("$JS.API.STREAM.INFO.MR_JOBS");
    expect(info.json<{ state?: object }>().state).toBeDefined();
    await reading.close();
    const nc = await intruder(server.files.viewer, "viewer", inbox);
    const allowed = [subjects.jobs.changed, subjects.logs.live, subjects.workers.beats];
    const publish = [
      subjects.jobs.record(newJobId()),
      subjects.workers.key(WORKER),
      subjects.control(WORKER),
      "$JS.API.STREAM.DELETE.MR_JOBS",
      "$JS.API.STREAM.MSG.GET.KV_mr_config",
      "$JS.API.DIRECT.GET.KV_mr_config",
    ];
    const subscribe = [subjects.config.changed, "mr.told.>", "$KV.>", "_INBOX_mr.>", ">"];
    expect(await refusals(nc, { publish, subscribe: [...allowed, ...subscribe] })).toEqual(
      [...publish, ...subscribe].toSorted(),
    );
  });
});
