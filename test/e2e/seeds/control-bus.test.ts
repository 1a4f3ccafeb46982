// What job-streamer's control bus could do: pause and resume, look at one execution, restart it, find executions, statistics.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openEvents } from "../../broker/http/sse.ts";
import type { JobPage, JobView, QueueView, Stats, Why } from "../../lab/api.ts";
import { startLab, type Lab } from "../../lab/lab.ts";
import { until } from "../../lab/until.ts";

let lab: Lab;
beforeAll(async () => {
  lab = await startLab({ workers: [{ slots: 4 }] });
});
afterAll(() => lab[Symbol.asyncDispose]());

const list = (query: string) => lab.call<JobPage>("GET", `/v1/jobs?${query}`);
const stats = () => lab.call<Stats>("GET", "/v1/stats");
async function queue(name: string): Promise<QueueView | undefined> {
  const { queues } = await lab.call<{ queues: QueueView[] }>("GET", "/v1/queues");
  return queues.find((one) => one.name === name);
}
const idsOf = ({ jobs }: JobPage) => jobs.map(({ id }) => id);

describe("a named queue", () => {
  it("starts nothing while it is paused, and everything once it is resumed", async () => {
    await lab.call("PUT", "/v1/queues/nightly", { paused: true });
    await until(async () => (await queue("nightly"))?.paused, "the pause");
    const held = [
      await lab.submit({ command: ["true"], queue: "nightly" }),
      await lab.submit({ command: ["true"], queue: "nightly" }),
    ];
    const other = await lab.submit({ command: ["true"], queue: "daily" });
    await lab.until(other, "succeeded");
    const why = await lab.call<Why>("GET", `/v1/jobs/${held[1]}/why`);
    expect(why).toMatchObject({ reasons: [{ code: "queue_paused", queue: "nightly" }], ahead: 1 });
    expect(await queue("nightly")).toMatchObject({ paused: true, depth: { queued: 2 } });

    await lab.call("PUT", "/v1/queues/nightly", { paused: false });
    for (const id of held) await lab.until(id, "succeeded");
    expect(await queue("nightly")).toMatchObject({ depth: { queued: 0, succeeded: 2 } });
  });

  it("runs no more at once than it may", async () => {
    await lab.call("PUT", "/v1/queues/narrow", { paused: false, maxRunning: 1 });
    await until(async () => (await queue("narrow"))?.maxRunning === 1, "the limit");
    const first = await lab.submit({ command: ["sleep", "600"], queue: "narrow" });
    const second = await lab.submit({ command: ["true"], queue: "narrow" });
    await lab.until(first, "running");
    const why = await lab.call<Why>("GET", `/v1/jobs/${second}/why`);
    expect(why.reasons).toMatchObject([{ code: "queue_full", running: 1, maxRunning: 1 }]);
    await lab.call("POST", `/v1/jobs/${first}/cancel`);
    await lab.until(second, "succeeded");
  });
});

describe("a single execution", () => {
  it("can be looked at in full, with all that happened to it", async () => {
    const spec = {
      command: ["sh", "-c", "echo out; echo errors >&2; sleep 0.5; exit 4"],
      labels: { run: "4711" },
      priority: 7,
    };
    const id = await lab.submit(spec);
    const job = await lab.until(id, "failed");
    expect(job).toMatchObject({
      id,
      spec,
      priority: 7,
      labels: { run: "4711" },
      outcome: "exited",
      exitCode: 4,
      worker: lab.workers[0]!.id,
      attempts: [{ number: 1, outcome: "exited", exitCode: 4, output: { stdout: 4, stderr: 7 } }],
    });
    const times = [job.submittedAt, job.startedAt, job.finishedAt].map((at) => Date.parse(at!));
    expect(times).toEqual(times.toSorted((a, b) => a - b));

    await using events = await openEvents(`${lab.url}/v1/jobs/${id}/events`);
    const timeline = await events.rest();
    expect(timeline.map(({ data }) => [data["what"], data["state"]])).toEqual([
      ["submitted", "queued"],
      ["started", "running"],
      ["finished", "failed"],
      [undefined, "failed"],
    ]);
  });

  it("runs again when asked, and keeps what it did before", async () => {
    const script = 'echo "attempt $MILLRACE_ATTEMPT"; exit $((2 - MILLRACE_ATTEMPT))';
    const id = await lab.submit({ command: ["sh", "-c", script] });
    await lab.until(id, "failed");
    await lab.call("POST", `/v1/jobs/${id}/retry`);
    await until(async () => (await lab.job(id)).state === "succeeded", "the second attempt's end");
    const { attempts } = await lab.job(id);
    expect(attempts.map(({ exitCode }) => exitCode)).toEqual([1, 0]);
    expect(await lab.call("GET", `/v1/jobs/${id}/logs?attempt=1`)).toBe("attempt 1\n");
    expect(await lab.call("GET", `/v1/jobs/${id}/logs?attempt=all`)).toBe("attempt 1\nattempt 2\n");
  });

  it("is tried again by itself when it asked for that", async () => {
    const retry = { attempts: 3, backoff: { initial: "50ms", jitter: 0 }, on: [9] };
    const id = await lab.submit({ command: ["sh", "-c", "exit 9"], retry });
    await lab.until(id, "failed", { attempt: 3 });
    const other = await lab.submit({ command: ["sh", "-c", "exit 8"], retry });
    await lab.until(other, "failed");
    expect((await lab.job(other)).attempts).toHaveLength(1);
  });

  it("goes when it is deleted", async () => {
    const id = await lab.submit({ command: ["true"] });
    await lab.until(id, "succeeded");
    await lab.call("DELETE", `/v1/jobs/${id}`);
    await expect(lab.job(id)).rejects.toThrow("404");
  });
});

describe("the list of executions", () => {
  it("is filtered by state, queue, label and worker, and read page by page", async () => {
    const labels = { batch: "list" };
    const ids: string[] = [];
    for (const code of [0, 1, 0, 1, 0])
      ids.push(
        await lab.submit({ command: ["sh", "-c", `exit ${code}`], queue: "listed", labels }),
      );
    for (const [index, id] of ids.entries())
      await lab.until(id, index % 2 === 0 ? "succeeded" : "failed");
    const settled = async () => (await list("queue=listed&state=failed")).jobs.length === 2;
    await until(settled, "the list to know all ends");
    const all = await list("queue=listed");
    const newestFirst = idsOf(all);
    expect(newestFirst.toSorted()).toEqual(ids.toSorted());
    const times = all.jobs.map(({ submittedAt }) => submittedAt);
    expect(times).toEqual(times.toSorted().toReversed());
    const failed = idsOf(await list("queue=listed&state=failed"));
    expect(new Set(failed)).toEqual(new Set([ids[1], ids[3]]));
    expect(idsOf(await list("label=batch%3Dlist"))).toEqual(newestFirst);
    expect(idsOf(await list("label=batch%3Dother"))).toEqual([]);

    const first = await list("queue=listed&limit=2");
    const second = await list(`queue=listed&limit=2&cursor=${first.next}`);
    const third = await list(`queue=listed&limit=2&cursor=${second.next}`);
    expect([first, second, third].flatMap(idsOf)).toEqual(newestFirst);
    expect(third.next).toBeUndefined();

    const running = await lab.submit({ command: ["sleep", "600"], queue: "listed" });
    await lab.until(running, "running");
    expect(idsOf(await list(`state=running&worker=${lab.workers[0]!.id}`))).toEqual([running]);
    await lab.call("POST", `/v1/jobs/${running}/cancel`);
    await lab.until(running, "cancelled");
  });
});

describe("the statistics", () => {
  it("count jobs by state, workers and slots, and name the leader", async () => {
    const before = await stats();
    const ended = await lab.call<JobView>("POST", "/v1/jobs?wait=30s", { command: ["true"] });
    expect(ended.state).toBe("succeeded");
    const running = await lab.submit({ command: ["sleep", "600"] });
    await lab.until(running, "running");
    expect(await stats()).toMatchObject({
      jobs: { succeeded: before.jobs.succeeded + 1, running: 1 },
      workers: 1,
      slots: { total: 4, used: 1 },
      leader: { url: lab.url, epoch: expect.any(Number) },
    });
    const metrics = await lab.call<string>("GET", "/metrics");
    expect(metrics).toMatch(/^millrace_queue_jobs\{.*queue="nightly".*\} \d+$/m);
    await lab.call("POST", `/v1/jobs/${running}/cancel`);
    await lab.until(running, "cancelled");
  });
});
