// Groups with real processes: arrays, needs, workers, cancel, retry, and a leader that dies while it makes jobs.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { GroupView } from "../../src/scheduler/http/group-view.ts";
import type { JobView } from "../../src/scheduler/http/job-view.ts";
import { ask, type QueueView } from "../lab/api.ts";
import { startLab, type Lab } from "../lab/lab.ts";
import { until } from "../lab/until.ts";

const HANDLERS = fileURLToPath(new URL("handlers", import.meta.url));
const MANY = process.env["FULL"] ? 10_000 : 1_000;

let lab: Lab;
beforeAll(async () => {
  lab = await startLab({
    schedulers: 2,
    workers: [
      { name: "north", labels: { side: "n" }, handlers: HANDLERS },
      { name: "south", labels: { side: "s" } },
    ],
  });
}, 90_000);
afterAll(() => lab?.[Symbol.asyncDispose]());

type Page = { jobs: { member: string; index: number; job: JobView }[]; next?: string };

const submit = (body: object) => lab.call<GroupView>("POST", "/v1/groups", body);

/** The group once it is over, however long that takes. */
const over = (id: string) =>
  until(
    async () => {
      const group = await lab.call<GroupView>("GET", `/v1/groups/${id}?wait=30s`);
      return group.finishedAt === undefined ? undefined : group;
    },
    `the end of group ${id}`,
    120_000,
  );
const sh = (line: string, more: object = {}) => ({ command: ["sh", "-c", line], ...more });

async function outputs(id: string): Promise<string[]> {
  const { jobs } = await lab.call<Page>("GET", `/v1/groups/${id}/jobs`);
  return Promise.all(jobs.map(({ job }) => lab.output(job.id)));
}

const statesOf = ({ members }: GroupView) =>
  Object.fromEntries(members.map(({ name, state }) => [name, state]));

describe("an array", () => {
  it("tells each job its place and its values", async () => {
    const { id } = await submit({
      members: [
        { name: "count", spec: sh('echo "$MILLRACE_INDEX of $MILLRACE_COUNT"'), count: 3 },
        {
          name: "matrix",
          spec: sh('echo "$MILLRACE_MATRIX_OS-$MILLRACE_MATRIX_LEVEL"'),
          matrix: { os: ["a", "b"], level: [1, 2] },
        },
        { name: "handler", spec: { handler: "place" }, matrix: { k: ["x"] } },
      ],
    });
    expect(await over(id)).toMatchObject({
      state: "succeeded",
      progress: { total: 8, succeeded: 8 },
    });
    expect(await outputs(id)).toEqual([
      "0 of 3\n",
      "1 of 3\n",
      "2 of 3\n",
      "a-1\n",
      "a-2\n",
      "b-1\n",
      "b-2\n",
      "0 of 1: x\n",
    ]);
  });

  it("runs once on each worker that fits", async () => {
    const { id } = await submit({
      members: [
        { name: "all", spec: { command: ["true"] }, onEvery: [] },
        { name: "one", spec: { command: ["true"] }, onEvery: ["side=s"] },
        { name: "none", spec: { command: ["true"] }, onEvery: ["side=x"] },
      ],
    });
    const group = await over(id);
    expect(group.members.map(({ workers }) => workers)).toEqual([
      ["north", "south"],
      ["south"],
      [],
    ]);
    expect(statesOf(group)).toEqual({ all: "succeeded", one: "succeeded", none: "failed" });
    const { jobs } = await lab.call<Page>("GET", `/v1/groups/${id}/jobs?member=all`);
    expect(jobs.map(({ job }) => job.worker?.slice(0, 5))).toEqual(["north", "south"]);
  });
});

describe("needs", () => {
  it("decide what runs, and a retry does only what failed and what that held up", async () => {
    const flag = `/tmp/millrace-flag-${process.pid}`;
    const { id } = await submit({
      members: [
        { name: "fetch", spec: sh("echo fetched") },
        {
          name: "work",
          spec: sh(`test "$MILLRACE_INDEX" != 1 || rm ${flag}`),
          count: 3,
          needs: ["fetch"],
        },
        { name: "publish", spec: sh("echo published"), needs: ["work"] },
        { name: "alarm", spec: sh("echo alarm"), needs: [{ member: "work", on: "failure" }] },
        { name: "sweep", spec: sh("echo swept"), needs: [{ member: "publish", on: "always" }] },
      ],
    });
    const failed = await over(id);
    expect(failed).toMatchObject({ state: "failed", reason: "Failed: work." });
    expect(statesOf(failed)).toEqual({
      fetch: "succeeded",
      work: "failed",
      publish: "skipped",
      alarm: "succeeded",
      sweep: "succeeded",
    });
    await lab.call("POST", "/v1/jobs?wait=10s", { command: ["touch", flag] });
    await lab.call("POST", `/v1/groups/${id}/retry`);
    const again = await over(id);
    expect(again).toMatchObject({ state: "succeeded", retries: 1 });
    expect(statesOf(again)).toMatchObject({ publish: "succeeded" });
    const { jobs } = await lab.call<Page>("GET", `/v1/groups/${id}/jobs`);
    const tried = jobs.map(
      ({ member, index, job }) => `${member}.${index}: ${job.attempts.length}`,
    );
    expect(tried).toEqual([
      "fetch.0: 1",
      "work.0: 1",
      "work.1: 2",
      "work.2: 1",
      "publish.0: 1",
      "alarm.0: 1",
      "sweep.0: 1",
    ]);
  });
});

it("is the same group for the same key, and another body is refused", async () => {
  const body = { name: "keyed", members: [{ name: "a", spec: { command: ["true"] } }] };
  const send = (of: object) =>
    ask<GroupView>(`${lab.url}/v1/groups?wait=20s`, "POST", of, { "Idempotency-Key": "once" });
  const first = await send(body);
  expect(first).toMatchObject({ status: 200, body: { state: "succeeded" } });
  const second = await send(body);
  expect(second.headers.get("idempotent-replayed")).toBe("true");
  expect(second.body.id).toBe(first.body.id);
  expect((await send({ ...body, name: "other" })).status).toBe(409);
  const { groups } = await lab.call<{ groups: GroupView[] }>("GET", "/v1/groups?name=keyed");
  expect(groups.map(({ id }) => id)).toEqual([first.body.id]);
});

describe("a group of many", () => {
  it("is accepted at once, made once though its leader is killed, and cancelled whole", async () => {
    await lab.call("PUT", "/v1/queues/held", { paused: true });
    const { id, progress } = await submit({
      members: [{ name: "many", spec: { command: ["true"], queue: "held" }, count: MANY }],
    });
    expect(progress).toMatchObject({ total: MANY, waiting: MANY });
    const look = () => lab.call<GroupView>("GET", `/v1/groups/${id}`);
    await until(async () => (await look()).progress.queued > 50, "the first jobs");
    const leader = await lab.leader();
    await leader.kill("SIGKILL");
    await until(async () => (await look()).progress.queued === MANY, "all jobs", 60_000);
    const held = async () => {
      const { queues } = await lab.call<{ queues: QueueView[] }>("GET", "/v1/queues");
      return queues.find(({ name }) => name === "held")!.depth;
    };
    expect(await held()).toMatchObject({ queued: MANY });
    await lab.call("POST", `/v1/groups/${id}/cancel`, { reason: "enough" });
    expect(await over(id)).toMatchObject({
      state: "cancelled",
      reason: "enough",
      progress: { total: MANY, cancelled: MANY, queued: 0 },
    });
    await lab.call("DELETE", `/v1/groups/${id}`);
    await until(async () => (await held()).cancelled === 0, "its jobs to be gone");
    await expect(look()).rejects.toThrow("404");
  });
});
