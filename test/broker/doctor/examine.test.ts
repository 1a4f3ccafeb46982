import { expect, it } from "vitest";

import { askBroker } from "../../../src/cli/doctor/ask-broker.ts";
import { apply, newJob } from "../../../src/shared/job-machine.ts";
import type { JobSpec } from "../../../src/shared/spec.ts";
import { startBroker } from "../../lab/broker.ts";
import { freePorts } from "../../lab/ports.ts";
import { startSpawnedBroker } from "../../lab/spawned-broker.ts";
import { heartbeat } from "../../unit/scheduler/core/facts.ts";
import { openDesk, type Desk } from "../scheduler/crew.ts";

const LONG_AGO = Date.now() - 600_000;

async function add(desk: Desk, name: string, spec: Partial<JobSpec> = {}): Promise<string> {
  const id = desk.idOf(name);
  await desk.store.create(newJob(id, { command: ["true"], ...spec }, LONG_AGO));
  return id;
}

async function start(desk: Desk, job: string, worker: string): Promise<void> {
  const started = { type: "started", at: LONG_AGO, attempt: 1, worker } as const;
  await desk.store.update(job, (record) => apply(record, started));
}

async function end(desk: Desk, job: string): Promise<void> {
  const cancelled = { type: "cancelled", at: LONG_AGO, actor: "api", reason: "asked" } as const;
  await desk.store.update(job, (record) => apply(record, cancelled));
}

const ask = (url: string, monitors: string[] = []) =>
  askBroker({ url, prefix: undefined, monitors });

it("finds what is orphaned, stuck, left over or for nobody, and nothing else", async () => {
  await using server = await startBroker();
  await using desk = await openDesk(server.url);
  const { broker, store } = desk;
  const beat = heartbeat("here-00000000", { labels: { zone: "a" } });
  await broker.publish(broker.subjects.workers.key(beat.id), JSON.stringify(beat));

  const sound = await add(desk, "sound");
  await start(desk, sound, beat.id);
  const orphan = await add(desk, "orphan");
  await start(desk, orphan, "gone-00000000");
  await add(desk, "fits", { require: ["zone=a"] });
  const nobody = await add(desk, "nobody", { require: ["zone=b"] });
  const ended = await add(desk, "ended");
  await end(desk, ended);
  const stuck = await add(desk, "stuck", { grace: "1m" });
  const patient = await add(desk, "patient", { grace: "1h" });
  const intent = { v: 1, at: LONG_AGO, actor: "api", reason: "asked" } as const;
  for (const job of [ended, stuck, patient, desk.idOf("stray")])
    await store.requestCancel(job, intent);

  const { installation } = await ask(server.url);
  expect(installation).toMatchObject({
    workers: [{ id: beat.id, status: "ready" }],
    orphans: [{ job: orphan, worker: "gone-00000000" }],
    unrunnable: [{ job: nobody, why: expect.stringContaining("zone=b") }],
  });
  const { cancels } = installation as { cancels: { job: string; what: string }[] };
  expect(new Map(cancels.map(({ job, what }) => [job, what]))).toEqual(
    new Map([
      [ended, "leftover"],
      [stuck, "pending"],
      [desk.idOf("stray"), "stray"],
    ]),
  );
});

it("reads limits, clock and, from the monitoring endpoint, how the disk is synced", async () => {
  const [http] = await freePorts(1);
  await using server = await startSpawnedBroker({ http: `127.0.0.1:${http}` });
  await using desk = await openDesk(server.url);
  await using other = await startBroker();
  await using second = await openDesk(other.url);

  const monitors = [`http://127.0.0.1:${http}`];
  const { broker, ...told } = await ask(server.url, monitors);
  expect(broker).toMatchObject({
    missing: [],
    maxPayload: 8 * 2 ** 20,
    streams: expect.arrayContaining([
      expect.objectContaining({ name: desk.broker.subjects.logs.stream, maxBytes: 16 * 2 ** 20 }),
    ]),
  });
  expect(Math.abs((broker as { clockAheadMs: number }).clockAheadMs)).toBeLessThan(1_000);
  expect(told.monitors).toMatchObject([{ sync: { always: false, everyMs: 120_000 } }]);

  const fromElsewhere = await ask(other.url, monitors);
  expect(fromElsewhere.monitors).toEqual([]);
  expect(fromElsewhere.installation).toMatchObject({ workers: [], orphans: [] });
  expect(second.broker.isUp()).toBe(true);
});

it("does not look for records where the streams are missing", async () => {
  await using server = await startBroker();
  const { broker, installation } = await ask(server.url);
  expect((broker as { missing: string[] }).missing).toHaveLength(6);
  expect(installation).toBeUndefined();
});

it("says that the broker does not answer", async () => {
  const [port] = await freePorts(1);
  const { broker } = await ask(`nats://127.0.0.1:${port}`);
  expect(broker).toMatchObject({ code: "broker_unavailable" });
});
