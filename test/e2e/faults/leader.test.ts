// Schedulers that die, freeze or are all away: rows 5, 6, 7 and 22 of the fault table.
import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";

import { ask, type JobView, type Stats } from "../../lab/api.ts";
import { startBroker } from "../../lab/broker.ts";
import { startLab, type Lab, type LabScheduler } from "../../lab/lab.ts";
import { startProxy, type Proxy } from "../../lab/proxy.ts";
import { until } from "../../lab/until.ts";
import { loggedAssignments } from "../../broker/scheduler/assignments.ts";
import { isFrozen, openNotebook, openWitness, shell } from "./witness.ts";

const FULL = process.env["FULL"] === "1";
const SHORT_LEASE = ["--lease=1s"];

const leaderOf = async ({ url }: LabScheduler) =>
  (await ask<Stats>(`${url}/v1/stats`, "GET")).body.leader;

const untilLeads = (scheduler: LabScheduler) =>
  until(
    async () => (await leaderOf(scheduler))?.url === scheduler.url,
    `the scheduler at ${scheduler.url} to lead`,
    30_000,
  );

type Death = { subject: RegExp; stored: boolean };

/** The writes of a leader: it dies sending one, and the broker gets that one or not. */
const DEATHS: Death[] = [
  { subject: /^\$KV\.mr_leader\./, stored: true },
  ...[
    /^mr\.assign\.epoch$/,
    /^mr\.assign\.worker-/,
    /^mr\.job\.\w+$/,
    /^mr\.job\.\w+\.cancel$/,
  ].flatMap((subject) => [true, false].map((stored) => ({ subject, stored }))),
];

/** The death after an assignment was stored. */
const ASSIGNED = DEATHS.findIndex(({ subject, stored }) => stored && /worker/.test(subject.source));

/** Keeps a scheduler from leading, or lets it lead and kills it at one of its writes. */
function steer(proxy: Proxy) {
  let mayLead = false;
  let isDead = false;
  let death: (Death & { pid: number }) | undefined;
  proxy.filter(({ subject }, direction) => {
    if (direction === "in") return true;
    if (isDead || (!mayLead && subject.startsWith("$KV.mr_leader."))) return false;
    if (death?.subject.test(subject) !== true) return true;
    isDead = true;
    process.kill(death.pid, "SIGKILL");
    return death.stored;
  });
  return {
    lead: (may: boolean) => void (mayLead = may),
    doom(pid: number, how: Death) {
      death = { ...how, pid };
      mayLead = true;
    },
    isDead: () => isDead,
  };
}

async function startProxies(broker: { url: string }, count: number) {
  const list = await Promise.all(Array.from({ length: count }, () => startProxy(broker)));
  return {
    list,
    async [Symbol.asyncDispose]() {
      await Promise.all(list.map((proxy) => proxy[Symbol.asyncDispose]()));
    },
  };
}

// by itself: it has ten schedulers with the shortest lease
it("row 5: kill -9 of the leader at any of its writes forgets no job and places none twice; other replicas answer on", async () => {
  await using book = await openNotebook();
  await using broker = await startBroker();
  await using own = await startProxy(broker);
  await using proxies = await startProxies(broker, DEATHS.length);
  await using work = await startProxy(broker);
  await using lab = await startLab({ on: broker, schedulers: 0, workers: [] });
  await using witness = await openWitness(broker.url);
  const survivor = await lab.addScheduler({ args: SHORT_LEASE, nats: own.url });
  const survivorRole = steer(own);
  survivorRole.lead(true);
  const doomed = await Promise.all(
    DEATHS.map(async (death, i) => {
      const proxy = proxies.list[i]!;
      const role = steer(proxy);
      const scheduler = await lab.addScheduler({ args: SHORT_LEASE, nats: proxy.url });
      return { death, role, scheduler };
    }),
  );
  await lab.addWorker({ slots: 64, nats: work.url });

  const wanted: string[] = [];
  const unwanted: string[] = [];
  const over = new AbortController();
  /** Throws when the surviving replica refuses anything. */
  async function callersOfTheSurvivor(): Promise<void> {
    while (!over.signal.aborted) {
      wanted.push(await lab.submit({ command: shell(book.note("runs")) }));
      // still runs when the next leader looks
      wanted.push(await lab.submit({ command: shell(book.note("runs"), "sleep 3") }));
      const id = await lab.submit({ command: ["true"], require: ["nowhere"] });
      await lab.call("POST", `/v1/jobs/${id}/cancel`);
      unwanted.push(id);
      await delay(100);
    }
  }
  const calling = callersOfTheSurvivor();
  survivorRole.lead(false);
  for (const [i, { death, role, scheduler }] of doomed.entries()) {
    // of what it assigned the worker cannot tell anybody: the next ones learn it from the log alone
    if (i === ASSIGNED) work.hold("out");
    role.doom(scheduler.pid, death);
    const dying = until(role.isDead, `a leader to die writing ${death.subject}`, 30_000);
    await Promise.race([dying, calling]);
    await scheduler.exited;
    if (i === ASSIGNED + 2) work.release();
  }
  survivorRole.lead(true);
  await untilLeads(survivor);
  over.abort();
  await calling;

  for (const id of wanted)
    expect((await lab.until(id, "succeeded")).attempts).toMatchObject([{ outcome: "exited" }]);
  for (const id of unwanted) expect((await lab.until(id, "cancelled")).attempts).toEqual([]);
  expect(book.lines().toSorted()).toEqual(wanted.map((id) => `${id} 1 runs`).toSorted());
  expect(await witness.assignedTwice()).toEqual([]);
}, 120_000);

it.concurrent("row 6: a leader that was frozen or cut off past its lease places nothing more, not even what it had sent already", async () => {
  await using broker = await startBroker();
  await using proxy = await startProxy(broker);
  await using lab = await startLab({ on: broker, schedulers: 0, workers: [] });
  await using witness = await openWitness(broker.url);
  const old = await lab.addScheduler({ nats: proxy.url });
  const young = await lab.addScheduler();
  await lab.addWorker({ slots: 8 });
  const assigned = async (id: string) =>
    (await loggedAssignments(witness.broker)).filter(({ key }) => key.startsWith(id));
  const submit = async () => {
    const { body } = await ask<JobView>(`${young.url}/v1/jobs`, "POST", { command: ["true"] });
    return body.id;
  };
  const before = await submit();
  await witness.until(before, "succeeded");
  const [first] = await assigned(before);

  // the assignment is sent, and held up in the network for longer than the lease lasts
  proxy.hold("out");
  const late = await submit();
  await untilLeads(young);
  await witness.until(late, "succeeded");
  proxy.release();
  await until(
    async () => (await leaderOf(old))?.url === young.url,
    "the old one to see the young",
    30_000,
  );

  process.kill(young.pid, "SIGSTOP");
  await until(() => isFrozen(young.pid), "the young one to stand still");
  await untilLeads(old);
  const { body: thawing } = await ask<JobView>(`${old.url}/v1/jobs`, "POST", { command: ["true"] });
  await witness.until(thawing.id, "succeeded");
  process.kill(young.pid, "SIGCONT");
  const last = await submit();
  await until(
    async () => (await leaderOf(young))?.url === old.url,
    "the thawed one to step down",
    30_000,
  );
  await witness.until(last, "succeeded");

  const epochs = await witness.epochs();
  expect(epochs).toEqual(epochs.toSorted((a, b) => a - b));
  expect(new Set(epochs).size).toBe(3);
  for (const id of [late, thawing.id, last]) {
    const [only, ...others] = await assigned(id);
    expect(others).toEqual([]);
    expect(only!.epoch).toBeGreaterThan(first!.epoch);
  }
}, 90_000);

it.concurrent("row 7: while all schedulers are away jobs run on and end; submits fail; all is picked up afterwards", async () => {
  await using book = await openNotebook();
  await using lab = await startLab({ workers: [{ slots: 2 }] });
  await using witness = await openWitness(lab.broker.url);
  const [scheduler] = lab.schedulers as [LabScheduler];
  const short = await lab.submit({ command: shell(book.await("go"), "echo done") });
  const long = await lab.submit({ command: shell(book.await("return"), "echo done") });
  const waiting = await lab.submit({ command: ["true"] });
  for (const id of [short, long]) await lab.until(id, "running");
  await scheduler.kill("SIGKILL");

  await expect(fetch(`${scheduler.url}/v1/jobs`, { method: "POST" })).rejects.toThrow(
    "fetch failed",
  );
  book.say("go");
  await witness.until(short, "succeeded");
  if (FULL) await delay(60_000);
  expect((await witness.record(waiting)).state).toBe("queued");

  await lab.addScheduler();
  await lab.until(waiting, "succeeded");
  book.say("return");
  await lab.until(long, "succeeded");
  for (const id of [short, long, waiting]) {
    expect((await lab.job(id)).attempts).toMatchObject([{ number: 1, outcome: "exited" }]);
    expect(await lab.output(id)).toBe(id === waiting ? "" : "done\n");
  }
}, 180_000);

it.concurrent(
  "row 22: with many jobs queued the next leader goes on placing, in their order",
  async () => {
    const [count, looked] = FULL ? [100_000, 1_000] : [3_000, 100];
    await using lab = await startLab({ schedulers: 2, workers: [{ slots: 1 }] });
    await using witness = await openWitness(lab.broker.url);
    const blocker = await lab.submit({ command: ["sleep", "600"] });
    await lab.until(blocker, "running");
    const ids = await submitMany(lab, count, { command: ["true"] });
    const old = await lab.leader();
    await old.kill("SIGKILL");
    await lab.call("POST", `/v1/jobs/${blocker}/cancel`);
    const placed = async () => (await loggedAssignments(witness.broker)).slice(1);
    await until(async () => (await placed()).length >= looked, `${looked} placements`, 60_000);
    expect((await lab.leader()).url).not.toBe(old.url);
    const order = (await placed()).slice(0, looked).map(({ key }) => key);
    expect(order).toEqual(ids.slice(0, looked).map((id) => `${id} 1`));
  },
  FULL ? 600_000 : 120_000,
);

async function submitMany(lab: Lab, count: number, spec: object): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const jobs = Array.from({ length: Math.min(1_000, count - ids.length) }, () => spec);
    const batch = await lab.call<{ jobs: { id: string }[] }>("POST", "/v1/jobs/batch", { jobs });
    ids.push(...batch.jobs.map(({ id }) => id));
  }
  return ids;
}
