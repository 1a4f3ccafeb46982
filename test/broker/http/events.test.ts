// What happens to jobs, followed as it happens: of one job to its end, of all jobs for ever.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startHttpLab, WORKER, type HttpLab, type Replica } from "./http-lab.ts";
import { openEvents } from "./sse.ts";

let lab: HttpLab;
let api: Replica;

beforeAll(async () => {
  lab = await startHttpLab();
  api = lab.first;
});
afterAll(() => lab[Symbol.asyncDispose]());

const eventsOf = (job: string) => `${api.url}/v1/jobs/${job}/events`;

describe("the events of one job", () => {
  it("are its timeline as JSON", async () => {
    const id = await lab.submit();
    await lab.start(id);
    await lab.finish(id, { exitCode: 3 });
    const { body } = await api.call<{ events: object[] }>("GET", `/v1/jobs/${id}/events`);
    expect(body.events).toMatchObject([
      { what: "submitted", state: "queued" },
      { what: "started", state: "running", attempt: 1, worker: WORKER },
      { what: "finished", state: "failed", attempt: 1, reason: "exited with code 3" },
    ]);
  });

  it("come as they happen, until the end", async () => {
    const id = await lab.submit();
    await using stream = await openEvents(eventsOf(id));
    expect(await stream.next()).toMatchObject({ event: "change", data: { what: "submitted" } });
    await lab.start(id);
    expect(await stream.next()).toMatchObject({ event: "change", data: { what: "started" } });
    await lab.finish(id);
    expect(await stream.rest()).toMatchObject([
      { event: "change", data: { what: "finished", state: "succeeded" } },
      { event: "end", data: { state: "succeeded" } },
    ]);
  });

  it("go on where they were left, and say when there is nothing more", async () => {
    const id = await lab.submit();
    await using stream = await openEvents(eventsOf(id));
    const { id: mark = "" } = (await stream.next()) ?? {};
    await lab.start(id);
    await lab.finish(id);
    await using again = await openEvents(eventsOf(id), { "Last-Event-ID": mark });
    const rest = await again.rest();
    expect(rest.map(({ data }) => data["what"])).toEqual(["started", "finished", undefined]);
    const last = { "Last-Event-ID": rest[1]?.id ?? "" };
    await using over = await openEvents(eventsOf(id), last);
    expect(over.status).toBe(204);
  });

  it("are not taken for those of another job", async () => {
    const [one, other] = [await lab.submit(), await lab.submit()];
    await using stream = await openEvents(eventsOf(one));
    const mark = { "Last-Event-ID": (await stream.next())?.id ?? "" };
    await using wrong = await openEvents(eventsOf(other), mark);
    expect(wrong.status).toBe(400);
  });
});

describe("the events of all jobs", () => {
  it("come in order, filtered, and go on where they were left", async () => {
    await using stream = await openEvents(`${api.url}/v1/events?queue=watched`);
    const id = await lab.submit({ command: ["true"], queue: "watched", labels: { a: "b" } });
    await lab.submit({ command: ["true"], queue: "elsewhere" });
    await lab.start(id);
    const first = await stream.next();
    expect(first).toMatchObject({
      event: "change",
      data: { job: id, queue: "watched", what: "submitted", labels: { a: "b" } },
    });
    expect(await stream.next()).toMatchObject({
      data: { job: id, what: "started", state: "running" },
    });

    const other = await lab.submit({ command: ["true"], queue: "watched" });
    await lab.finish(id);
    const from = { "Last-Event-ID": first?.id ?? "" };
    await using again = await openEvents(`${api.url}/v1/events?queue=watched`, from);
    for (const what of ["started", "submitted", "finished"])
      expect(await again.next()).toMatchObject({ data: { what } });
    await lab.start(other);
    expect(await again.next()).toMatchObject({ data: { job: other, what: "started" } });
  });

  it("reach a reader who is thousands behind, each job's newest once", async () => {
    const before = await lab.submit();
    const start = { "Last-Event-ID": String((await lab.store.read(before))?.seq) };
    const jobs = Array.from({ length: 1_000 }, () => ({ command: ["true"], queue: "many" }));
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const { body } = await api.call<{ jobs: { id: string }[] }>("POST", "/v1/jobs/batch", {
        jobs,
      });
      ids.push(...body.jobs.map(({ id }) => id));
    }
    await using stream = await openEvents(`${api.url}/v1/events?queue=many`, start);
    const seen = new Set<unknown>();
    while (seen.size < 3_000) seen.add((await stream.next())?.data["job"]);
    expect(seen).toEqual(new Set(ids));
    const next = await lab.submit({ command: ["true"], queue: "many" });
    expect(await stream.next()).toMatchObject({ data: { job: next } });
  });

  it("end in good order when the server stops", async () => {
    const replica = await lab.addReplica();
    const id = await lab.submit();
    await using all = await openEvents(`${replica.url}/v1/events`);
    await using one = await openEvents(`${replica.url}/v1/jobs/${id}/events`);
    await one.next();
    await replica[Symbol.asyncDispose]();
    expect((await all.rest()).length).toBeLessThanOrEqual(1);
    expect(await one.rest()).toEqual([]);
  });
});
