// What step-grid could do: agents that register, deregister and show their facts; tokens (slots) chosen by labels.
import { arch, hostname, platform } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import packageJson from "../../../package.json" with { type: "json" };
import type { JobSpec } from "../../../src/shared/spec.ts";
import type { Why, WorkerView } from "../../lab/api.ts";
import { startLab, type Lab, type LabWorker } from "../../lab/lab.ts";
import { until } from "../../lab/until.ts";

let lab: Lab;
beforeAll(async () => {
  const workers = [
    { name: "north", slots: 2, labels: { zone: "n", disk: "ssd" } },
    { name: "south", slots: 2, labels: { zone: "s", disk: "hdd" } },
  ];
  lab = await startLab({ workers });
});
afterAll(() => lab[Symbol.asyncDispose]());

const workers = async () =>
  (await lab.call<{ workers: WorkerView[] }>("GET", "/v1/workers")).workers;
const named = async (name: string) =>
  (await workers()).find((worker) => worker.name === name) as WorkerView;
const why = (id: string) => lab.call<Why>("GET", `/v1/jobs/${id}/why`);
const sleeper = (spec: JobSpec = {}): JobSpec => ({ command: ["sleep", "600"], ...spec });

/** Names of the workers that the jobs are on. */
const placesOf = async (ids: readonly string[]) =>
  Promise.all(ids.map(async (id) => (await lab.until(id, "running")).worker!.replace(/-\w+$/, "")));

async function cancel(...ids: string[]): Promise<void> {
  await Promise.all(ids.map((id) => lab.call("POST", `/v1/jobs/${id}/cancel`)));
  await Promise.all(ids.map((id) => lab.until(id, "cancelled")));
}

async function submitInTurn(...specs: JobSpec[]): Promise<string[]> {
  const ids: string[] = [];
  for (const spec of specs) ids.push(await lab.submit(spec));
  return ids;
}

describe("the list of workers", () => {
  it("shows each with its facts", async () => {
    const listed = await workers();
    expect(listed.map(({ name }) => name).toSorted()).toEqual(["north", "south"]);
    expect(await named("north")).toMatchObject({
      id: expect.stringMatching(/^north-[0-9a-z]{8}$/),
      version: packageJson.version,
      status: "ready",
      cordoned: false,
      slots: { total: 2, used: 0, free: 2 },
      running: [],
      labels: {
        zone: "n",
        disk: "ssd",
        os: platform(),
        arch: arch(),
        hostname: hostname(),
        cpus: expect.stringMatching(/^\d+$/),
        memory: expect.stringMatching(/^\d+$/),
        version: packageJson.version,
      },
      load: [expect.any(Number), expect.any(Number), expect.any(Number)],
    });
    const { memory, uptimeS, pid } = await named("north");
    expect(memory.totalMb).toBeGreaterThan(memory.freeMb);
    expect(uptimeS).toBeGreaterThan(0);
    expect(lab.workers.map((worker) => worker.pid)).toContain(pid);
  });

  it("has a worker from its first heartbeat until it leaves", async () => {
    const passing = await lab.addWorker({ name: "passing" });
    expect((await named("passing")).id).toBe(passing.id);
    expect(await passing.kill("SIGTERM")).toEqual({ code: 0, signal: null });
    await until(async () => !(await named("passing")), "the worker to be deregistered");
    const again = await lab.addWorker({ name: "passing" });
    expect(again.id).not.toBe(passing.id);
    await leave(again);
  });

  it("forgets a worker that died without a word", async () => {
    const doomed = await lab.addWorker({ name: "doomed" });
    await doomed.kill("SIGKILL");
    await until(async () => !(await named("doomed")), "the worker to be forgotten", 60_000);
  }, 120_000);
});

describe("slots", () => {
  it("are taken and given back, and a job that finds none says that all are busy", async () => {
    const taken = await submitInTurn(...Array.from({ length: 4 }, () => sleeper()));
    await placesOf(taken);
    const waiting = await lab.submit({ command: ["true"] });
    expect((await why(waiting)).reasons).toMatchObject([{ code: "all_busy", workers: 2 }]);
    expect((await workers()).map(({ slots }) => slots.free)).toEqual([0, 0]);
    expect((await named("north")).running.map(({ job }) => job)).toHaveLength(2);

    await cancel(taken[0]!);
    await lab.until(waiting, "succeeded");
    await cancel(...taken.slice(1));
    const allFree = async () => (await workers()).every(({ slots }) => slots.free === slots.total);
    await until(allFree, "the slots to be free");
  });

  it("can be taken several at a time", async () => {
    const wide = await lab.submit(sleeper({ slots: 2, worker: "north" }));
    await lab.until(wide, "running");
    expect((await named("north")).slots).toEqual({ total: 2, used: 2, free: 0 });
    const wider = await lab.submit(sleeper({ slots: 3 }));
    const { reasons } = await why(wider);
    expect(reasons).toMatchObject([{ code: "too_few_slots", needed: 3, largest: 2 }]);
    await cancel(wide, wider);
  });
});

describe("labels", () => {
  it.each([
    ["zone=s", "south"],
    ["zone!=s", "north"],
    ["zone in (x,n)", "north"],
    ["disk=hdd", "south"],
  ])("%s leads to %s", async (require, name) => {
    const id = await lab.submit({ command: ["true"], require: [require, "cpus>=1", "os"] });
    expect((await lab.until(id, "succeeded")).worker).toContain(name);
  });

  it("that nobody has keep a job waiting, with the reason, until somebody comes", async () => {
    const id = await lab.submit({ command: ["true"], require: ["zone=e", "disk=ssd"] });
    const { reasons, filters, workers: known } = await why(id);
    expect(known).toBe(2);
    expect(reasons).toMatchObject([{ code: "no_match", constraints: ["zone=e", "disk=ssd"] }]);
    expect(reasons[0]?.message).toContain("zone=e");
    expect(filters).toEqual([{ what: "zone=e", removed: 2 }]);
    const east = await lab.addWorker({ name: "east", labels: { zone: "e", disk: "ssd" } });
    expect((await lab.until(id, "succeeded")).worker).toBe(east.id);
    await leave(east);
  });

  it("that are preferred win while there is room, and are no condition", async () => {
    const liking = sleeper({ prefer: [{ match: "disk=hdd", weight: 80 }] });
    const ids = await submitInTurn(liking, liking, liking);
    expect(await placesOf(ids)).toEqual(["south", "south", "north"]);
    await cancel(...ids);
  });

  it("do not matter to a job that is pinned to a worker which is not there", async () => {
    const id = await lab.submit({ command: ["true"], worker: "west" });
    const { reasons } = await why(id);
    expect(reasons).toMatchObject([{ code: "worker_not_present", worker: "west" }]);
    const west = await lab.addWorker({ name: "west" });
    expect((await lab.until(id, "succeeded")).worker).toBe(west.id);
    await leave(west);
  });
});

describe("among workers that fit", () => {
  it("the least loaded gets the job", async () => {
    const first = await lab.submit(sleeper({ worker: "north" }));
    await lab.until(first, "running");
    const second = await lab.submit(sleeper());
    expect(await placesOf([second])).toEqual(["south"]);
    await cancel(first, second);
  });

  it("equal ones share", async () => {
    const ids = await submitInTurn(...Array.from({ length: 4 }, () => sleeper()));
    expect((await placesOf(ids)).toSorted()).toEqual(["north", "north", "south", "south"]);
    await cancel(...ids);
  });

  it("one that is cordoned gets nothing until it is released", async () => {
    const { id: north } = await named("north");
    await lab.call("POST", `/v1/workers/${north}/cordon`);
    await until(async () => (await named("north")).status === "cordoned", "the cordon");
    const ids = await submitInTurn(sleeper(), sleeper(), sleeper());
    expect(await placesOf(ids.slice(0, 2))).toEqual(["south", "south"]);
    const { filters } = await why(ids[2]!);
    expect(filters[0]).toEqual({ what: "accepting work", removed: 1 });
    await lab.call("POST", `/v1/workers/${north}/uncordon`);
    expect(await placesOf(ids.slice(2))).toEqual(["north"]);
    await cancel(...ids);
  });
});

async function leave(worker: LabWorker): Promise<void> {
  await worker.kill();
  await until(async () => (await workers()).length === 2, "the worker to be gone");
}
